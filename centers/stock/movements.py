"""A receipt moves stock: one movement a line. Pure."""

from contracts.keys import record_id
from contracts.receipts import Origin, Receipt
from contracts.stock import Document, StockMovement


def movements(receipt: Receipt, recorded: Origin) -> list[StockMovement]:
    """The movements of a receipt, in the order of its lines; a line of quantity zero moves nothing and is still one.

    Their ids follow from the receipt's id and the line alone, so the same receipt never moves stock twice.
    """
    return [
        StockMovement(
            tenant=receipt.tenant,
            movement_id=record_id(receipt.tenant, "stock_movement", receipt.receipt_id, line.line),
            sku=line.sku,
            location=receipt.store,
            bucket="on_hand",
            quantity=-line.quantity,
            unit=line.unit,
            at=receipt.at,
            known_at=receipt.received_at,
            source="pos",
            why=Document("receipt", receipt.receipt_id, line.line),
            recorded=recorded,
        )
        for line in receipt.lines
    ]
