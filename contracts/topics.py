"""The topic table: every topic that exists, and nothing else may create one.

`key` is the Kafka key; `partitioned_by` is hashed (murmur2) for the partition, so that one job instance owns, say, a SKU.
`state.*` and `log.*` have the partition count of their job's input. Retention is in days; None keeps for ever.
A `ticked` topic also holds ticks (`contracts.ticks`) in each of its partitions: recorded time for the jobs that read it.
"""

import msgspec

PARTITIONS = 4
DAY_MS = 86_400_000
MIB = 1 << 20


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    record: str
    key: str
    partitioned_by: str
    title: tuple[str, str]
    retention_days: int | None
    compacted: bool = False
    ticked: bool = False
    partitions: int = PARTITIONS
    max_message_bytes: int = MIB

    def config(self) -> dict[str, str]:
        """The topic's settings on the broker."""
        policy = [p for p, on in (("compact", self.compacted), ("delete", self.retention_days is not None)) if on]
        kept = -1 if self.retention_days is None else self.retention_days * DAY_MS
        settings = {
            "cleanup.policy": ",".join(policy) or "delete",
            "retention.ms": str(kept),
            "max.message.bytes": str(self.max_message_bytes),
            # Retention counts from ingestion: a shop's wrong clock must not expire or immortalise a record.
            "message.timestamp.type": "LogAppendTime",
        }
        if self.compacted:
            # An erased person's records must be gone within a bounded time.
            settings |= {"max.compaction.lag.ms": str(DAY_MS), "delete.retention.ms": str(DAY_MS)}
        return settings


RAW_DAYS = 7

TOPICS: tuple[Topic, ...] = (
    Topic(
        name="raw.pos",
        record="bytes as received (receipts-jsonl: one JSON line)",
        key="tenant|store, or tenant|hash of the bytes when they cannot be read",
        partitioned_by="the key",
        title=("Receipts as the tills sent them", "POS 原始小票"),
        retention_days=RAW_DAYS,
    ),
    Topic(
        name="dlq.pos",
        record="DeadLetter",
        key="tenant|id",
        partitioned_by="as the raw record",
        title=("Refused receipts", "被拒小票（死信）"),
        retention_days=RAW_DAYS,
        compacted=True,
        max_message_bytes=16 * MIB,
    ),
    Topic(
        name="event.receipt",
        record="Receipt",
        key="tenant|store|till|business date|number",
        partitioned_by="tenant|store",
        title=("Receipts: checked, tokenised, once", "小票事件"),
        retention_days=30,
        max_message_bytes=4 * MIB,
    ),
    Topic(
        name="log.accept_receipts",
        record="ReceiptMarks",
        key="tenant|store|till|business date",
        partitioned_by="the partition of the job's input",
        title=("Receipt numbers already taken", "小票去重标记"),
        retention_days=None,
        compacted=True,
    ),
    Topic(
        name="raw.edge",
        record="bytes as received (JSON for people; the headers zt_edge and zt_edge_says count)",
        key="tenant|store",
        partitioned_by="the key",
        title=("What the shops' outboxes say of themselves", "门店发件箱声明"),
        retention_days=RAW_DAYS,
    ),
    Topic(
        name="event.edge_arrival",
        record="EdgeArrival",
        key="tenant|place of the run",
        partitioned_by="tenant|store",
        title=("Which records of the shops' outboxes came in", "门店发件箱到达"),
        retention_days=RAW_DAYS,
    ),
    Topic(
        name="state.edge",
        record="Edge",
        key="tenant|store|epoch|lane",
        partitioned_by="tenant|store",
        title=("The shops' outboxes: the last number, and what is missing", "门店发件箱进度与缺口"),
        retention_days=None,
        compacted=True,
    ),
    Topic(
        name="raw.ecommerce",
        record="bytes as received (shopify: one webhook delivery; segment: one call)",
        key="tenant|order id (shopify), tenant|event id (segment), or tenant|hash of the bytes when they cannot be read",
        partitioned_by="the key",
        title=("What web shops and apps sent", "电商与行为原始消息"),
        retention_days=RAW_DAYS,
        max_message_bytes=2 * MIB,
    ),
    Topic(
        name="dlq.ecommerce",
        record="DeadLetter",
        key="tenant|id",
        partitioned_by="as the raw record",
        title=("Refused messages of web shops and apps", "被拒电商消息（死信）"),
        retention_days=RAW_DAYS,
        compacted=True,
        max_message_bytes=16 * MIB,
    ),
    Topic(
        name="event.order",
        record="OrderFact",
        key="tenant|order id|fact id",
        partitioned_by="tenant|order id",
        title=("Facts about orders of all channels, once", "订单事件"),
        retention_days=30,
        max_message_bytes=4 * MIB,
    ),
    Topic(
        name="log.accept_orders",
        record="OrderMarks",
        key="tenant|order id",
        partitioned_by="the partition of the job's input",
        title=("Facts about web orders already taken", "网单去重标记"),
        retention_days=None,
        compacted=True,
    ),
    Topic(
        name="state.order",
        record="Order",
        key="tenant|order id",
        partitioned_by="tenant|order id",
        title=("Orders of all channels", "订单"),
        retention_days=None,
        compacted=True,
        max_message_bytes=4 * MIB,
    ),
    Topic(
        name="event.behaviour",
        record="Behaviour",
        key="tenant|event id",
        partitioned_by="tenant|event id",
        title=("What people did in web shops and apps, once", "行为事件"),
        retention_days=30,
    ),
    Topic(
        name="log.accept_behaviour",
        record="Marks",
        key="position|generation",
        partitioned_by="the partition of the job's input",
        title=("Calls already taken, for two horizons", "行为去重标记"),
        retention_days=14,
    ),
    Topic(
        name="event.late",
        record="Late",
        key="tenant|id",
        partitioned_by="tenant|id",
        title=("Records too late to be told from repeats", "迟到待核记录"),
        retention_days=30,
        max_message_bytes=4 * MIB,
    ),
    Topic(
        name="log.resolve_late",
        record="LatePassed",
        key="tenant|id",
        partitioned_by="the partition of the job's input",
        title=("Late records that were let pass", "迟到放行记录"),
        retention_days=None,
        compacted=True,
    ),
    Topic(
        name="event.stock_movement",
        record="StockMovement",
        key="tenant|movement id",
        partitioned_by="tenant|sku",
        title=("Stock movements", "库存流水"),
        retention_days=30,
    ),
    Topic(
        name="state.stock_level",
        record="StockLevel",
        key="tenant|sku|location",
        partitioned_by="tenant|sku",
        title=("Stock levels", "库存余额"),
        retention_days=None,
        compacted=True,
    ),
    Topic(
        name="raw.wms",
        record="bytes as received (epcis: one event)",
        key="tenant|epcis id, or tenant|hash of the bytes when they cannot be read",
        partitioned_by="the key",
        title=("What warehouses sent", "仓储原始消息"),
        retention_days=RAW_DAYS,
        max_message_bytes=2 * MIB,
    ),
    Topic(
        name="dlq.wms",
        record="DeadLetter",
        key="tenant|id",
        partitioned_by="as the raw record",
        title=("Refused messages of warehouses", "被拒仓储消息（死信）"),
        retention_days=RAW_DAYS,
        compacted=True,
        max_message_bytes=16 * MIB,
    ),
    Topic(
        name="event.visibility",
        record="VisibilityEvent",
        key="tenant|visibility id",
        partitioned_by="tenant|epcis id",
        title=("Visibility events of goods, once", "可视化事件"),
        retention_days=30,
        max_message_bytes=4 * MIB,
    ),
    Topic(
        name="log.accept_visibility",
        record="VisibilityMark",
        key="tenant|epcis id",
        partitioned_by="the partition of the job's input",
        title=("Visibility events already taken", "可视化事件去重标记"),
        retention_days=None,
        compacted=True,
    ),
    Topic(
        name="raw.erp",
        record="bytes as received (debezium: one change; csv: one row with its drop)",
        key="tenant|table|key, or tenant|hash of the bytes when they cannot be read",
        partitioned_by="tenant|table|key",
        title=("What the ERP sent", "ERP 原始消息"),
        retention_days=RAW_DAYS,
        max_message_bytes=2 * MIB,
    ),
    Topic(
        name="dlq.erp",
        record="DeadLetter",
        key="tenant|id",
        partitioned_by="as the raw record",
        title=("Refused messages of the ERP", "被拒 ERP 消息（死信）"),
        retention_days=RAW_DAYS,
        compacted=True,
        max_message_bytes=16 * MIB,
    ),
    Topic(
        name="log.accept_masters",
        record="MasterMark",
        key="tenant|table|key",
        partitioned_by="the partition of the job's input",
        title=("Versions of master records already taken", "主数据版本标记"),
        retention_days=None,
        compacted=True,
        max_message_bytes=4 * MIB,
    ),
    Topic(
        name="event.product",
        record="Product",
        key="tenant|sku",
        partitioned_by="tenant|sku",
        title=("Products: each change once", "商品变更事件"),
        retention_days=30,
    ),
    Topic(
        name="event.category",
        record="Category",
        key="tenant|category",
        partitioned_by="tenant|category",
        title=("Product categories: each change once", "品类变更事件"),
        retention_days=30,
    ),
    Topic(
        name="event.price",
        record="Price",
        key="tenant|sku|store|kind|unit|valid from",
        partitioned_by="tenant|sku|store|kind|unit|valid from",
        title=("Prices: each change once", "价格变更事件"),
        retention_days=30,
    ),
    Topic(
        name="event.supplier",
        record="Supplier",
        key="tenant|supplier",
        partitioned_by="tenant|supplier",
        title=("Suppliers: each change once", "供应商变更事件"),
        retention_days=30,
    ),
    Topic(
        name="event.purchase_order",
        record="PurchaseOrder",
        key="tenant|po",
        partitioned_by="tenant|po",
        title=("Purchase orders: each change once", "采购单变更事件"),
        retention_days=30,
    ),
    Topic(
        name="event.purchase_order_line",
        record="PurchaseOrderLine",
        key="tenant|po|line",
        partitioned_by="tenant|po|line",
        title=("Lines of purchase orders: each change once", "采购单明细变更事件"),
        retention_days=30,
    ),
    Topic(
        name="event.store",
        record="Store",
        key="tenant|store",
        partitioned_by="tenant|store",
        title=("Stores and warehouses: each change once", "门店与仓库变更事件"),
        retention_days=30,
    ),
    Topic(
        name="event.organisation",
        record="Organisation",
        key="tenant|organisation",
        partitioned_by="tenant|organisation",
        title=("Organisations: each change once", "组织变更事件"),
        retention_days=30,
    ),
    Topic(
        name="event.account",
        record="Account",
        key="tenant|account",
        partitioned_by="tenant|account",
        title=("Accounts of the chart: each change once", "会计科目变更事件"),
        retention_days=30,
    ),
    Topic(
        name="state.product",
        record="Product",
        key="tenant|sku",
        partitioned_by="tenant|sku",
        title=("Products, the newest of each", "商品（最新）"),
        retention_days=None,
        compacted=True,
    ),
    Topic(
        name="state.category",
        record="Category",
        key="tenant|category",
        partitioned_by="tenant|category",
        title=("Product categories, the newest of each", "品类（最新）"),
        retention_days=None,
        compacted=True,
    ),
    Topic(
        name="state.price",
        record="Price",
        key="tenant|sku|store|kind|unit|valid from",
        partitioned_by="tenant|sku|store|kind|unit|valid from",
        title=("Prices, the newest of each", "价格（最新）"),
        retention_days=None,
        compacted=True,
    ),
    Topic(
        name="state.supplier",
        record="Supplier",
        key="tenant|supplier",
        partitioned_by="tenant|supplier",
        title=("Suppliers, the newest of each", "供应商（最新）"),
        retention_days=None,
        compacted=True,
    ),
    Topic(
        name="state.purchase_order",
        record="PurchaseOrder",
        key="tenant|po",
        partitioned_by="tenant|po",
        title=("Purchase orders, the newest of each", "采购单（最新）"),
        retention_days=None,
        compacted=True,
    ),
    Topic(
        name="state.purchase_order_line",
        record="PurchaseOrderLine",
        key="tenant|po|line",
        partitioned_by="tenant|po|line",
        title=("Lines of purchase orders, the newest of each", "采购单明细（最新）"),
        retention_days=None,
        compacted=True,
    ),
    Topic(
        name="state.store",
        record="Store",
        key="tenant|store",
        partitioned_by="tenant|store",
        title=("Stores and warehouses, the newest of each", "门店与仓库（最新）"),
        retention_days=None,
        compacted=True,
    ),
    Topic(
        name="state.organisation",
        record="Organisation",
        key="tenant|organisation",
        partitioned_by="tenant|organisation",
        title=("Organisations, the newest of each", "组织（最新）"),
        retention_days=None,
        compacted=True,
    ),
    Topic(
        name="state.account",
        record="Account",
        key="tenant|account",
        partitioned_by="tenant|account",
        title=("Accounts of the chart, the newest of each", "会计科目（最新）"),
        retention_days=None,
        compacted=True,
    ),
    Topic(
        name="state.clock",
        record="Tick",
        key="tick",
        partitioned_by="the key: there is one partition",
        title=("The last moment that was told to the jobs", "平台时钟（最近一次报时）"),
        retention_days=None,
        compacted=True,
        partitions=1,
    ),
)

BY_NAME = {topic.name: topic for topic in TOPICS}
