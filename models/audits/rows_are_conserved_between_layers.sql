-- No row is lost or doubled between layers, and no cent either: what is not in a table was set aside.
SELECT check_name
FROM (
    VALUES
    (
        'receipts: ods to dwd',
        (SELECT count(*) FROM ods_event_receipt),
        (SELECT count(*) FROM dwd_trade_receipt) + (SELECT count(*) FROM ads_quarantine_receipt)
    ),
    (
        'receipt lines: ods to dwd',
        (SELECT coalesce(sum(len(lines)), 0) FROM ods_event_receipt),
        (SELECT count(*) FROM dwd_trade_receipt_line) + (SELECT coalesce(sum(lines), 0) FROM ads_quarantine_receipt)
    ),
    (
        'stock movements: ods to dwd',
        (SELECT count(*) FROM ods_event_stock_movement),
        (SELECT count(*) FROM dwd_stock_movement) + (SELECT count(*) FROM ads_quarantine_movement)
    ),
    (
        'receipts: dwd to dws',
        (SELECT count(*) FROM dwd_trade_receipt),
        (SELECT coalesce(sum(receipts), 0) FROM dws_trade_store_1d)
    ),
    (
        'receipt lines: dwd to dws',
        (SELECT count(*) FROM dwd_trade_receipt_line),
        (SELECT coalesce(sum(lines), 0) FROM dws_trade_store_1d)
    ),
    (
        'cents: ods to dws',
        (SELECT coalesce(sum(total_cents), 0) FROM ods_event_receipt),
        (SELECT coalesce(sum(sales_cents + web_cents), 0) FROM dws_trade_store_1d)
        + (SELECT coalesce(sum(total_cents), 0) FROM ads_quarantine_receipt)
    ),
    (
        'cents sold and taken back: dwd to dws',
        (SELECT coalesce(sum(amount_cents), 0) FROM dwd_trade_receipt_line),
        (SELECT coalesce(sum(sold_cents + returned_cents + web_cents), 0) FROM dws_trade_store_1d)
    ),
    (
        'pieces moved: ods to dwd',
        (SELECT coalesce(sum(quantity), 0) FROM ods_event_stock_movement WHERE bucket = 'on_hand'),
        (SELECT coalesce(sum(quantity), 0) FROM dwd_stock_movement WHERE bucket = 'on_hand')
        + (SELECT coalesce(sum(quantity), 0) FROM ads_quarantine_movement WHERE bucket = 'on_hand')
    ),
    (
        -- Where somebody counted, the count stands and not the sum.
        'pieces moved where nobody counted: dwd to ads',
        (
            SELECT coalesce(sum(m.quantity), 0)
            FROM dwd_stock_movement AS m
            ANTI JOIN (SELECT * FROM dwd_stock_movement WHERE counted IS NOT NULL) AS c USING (tenant, sku, location)
            WHERE m.bucket = 'on_hand'
        ),
        (
            SELECT coalesce(sum(a.on_hand), 0)
            FROM ads_stock_level AS a
            ANTI JOIN (SELECT * FROM dwd_stock_movement WHERE counted IS NOT NULL) AS c USING (tenant, sku, location)
        )
    ),
    (
        'stock movements: ods to ads',
        (SELECT count(*) FROM ods_event_stock_movement WHERE bucket = 'on_hand'),
        (SELECT coalesce(sum(movements), 0) FROM ads_stock_level)
        + (SELECT count(*) FROM ads_quarantine_movement WHERE bucket = 'on_hand')
    ),
    (
        'order lines: ods to dwd',
        (SELECT coalesce(sum(lines), 0) FROM dwd_trade_order),
        (SELECT count(*) FROM dwd_trade_order_line)
    ),
    (
        'orders whose day is known: dwd to dws',
        (SELECT count(*) FROM dwd_trade_order WHERE placed_at IS NOT NULL),
        (SELECT coalesce(sum(orders), 0) FROM dws_trade_channel_1d)
    ),
    (
        'cents of orders whose day is known: dwd to dws',
        (SELECT coalesce(sum(total_cents), 0) FROM dwd_trade_order WHERE placed_at IS NOT NULL),
        (SELECT coalesce(sum(total_cents + cancelled_cents), 0) FROM dws_trade_channel_1d)
    ),
    (
        'calls: dwd to dws',
        (SELECT count(*) FROM dwd_behaviour_call),
        (SELECT coalesce(sum(calls), 0) FROM dws_behaviour_1d)
    ),
    (
        'purchase orders: dwd to dws',
        (SELECT count(*) FROM dwd_purchase_order),
        (SELECT coalesce(sum(orders), 0) FROM dws_purchase_supplier_1d)
    ),
    (
        'dead letters: ods to ads',
        (SELECT count(*) FROM ods_dlq_pos WHERE status = 'refused'),
        (SELECT coalesce(sum(dead_letters), 0) FROM ads_dead_letter)
    )
) AS counted (check_name, before, after)
WHERE before <> after
