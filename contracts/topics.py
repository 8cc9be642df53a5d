"""The topic table: every topic that exists, and nothing else may create one.

`key` is the Kafka key; `partitioned_by` is hashed (murmur2) for the partition, so that one job instance owns, say, a SKU.
`state.*` and `log.*` have the partition count of their job's input. Retention is in days; None keeps for ever.
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
)

BY_NAME = {topic.name: topic for topic in TOPICS}
