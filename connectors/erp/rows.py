"""What the formats of the ERP have in common: decoding by format, and the key of a raw record."""

from connectors.erp import debezium, drop
from connectors.feeds import spread
from contracts.keys import SEPARATOR, key
from contracts.masters import DropEnd, Row
from contracts.refusals import Refused
from contracts.topics import BY_NAME

FEED = "erp"
RAW = BY_NAME["raw.erp"]


def decode(form: str, value: bytes) -> Row | DropEnd | Refused:
    """A raw record in its format. Never raises, for any bytes."""
    if form == drop.FORMAT:
        return drop.decode(value)
    return debezium.decode(value) if form == debezium.FORMAT else Refused("unknown_format")


def partitioning_key(tenant: str, value: bytes, decoded: Row | DropEnd | Refused) -> bytes:
    """What decides the partition of a raw record: the row's key, so that one job sees all versions of it in one state."""
    if isinstance(decoded, Row) and not any(SEPARATOR in part for part in decoded.key):
        return key(tenant, decoded.table, *decoded.key)
    if isinstance(decoded, DropEnd):
        wanted = drop.end_of(value)
        return drop.end_key(key(tenant, decoded.table), wanted % RAW.partitions, RAW.partitions)
    return spread(tenant, value)


def within(form: str, row: Row) -> str:
    """Where the cells of a row stand in its record, for the place of a fault."""
    if form == drop.FORMAT:
        return f"{row.table}."
    return "before." if row.deleted else "after."
