"""Walks one receipt through the platform: file, raw record, event, stock movements, levels, figure of the day.

The published mart says where to look, Kafka shows what stands there. A receipt that is not published yet is searched in
Kafka alone. Values of identifiers are masked before anything leaves this file.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from typing import NamedTuple

import duckdb
import msgspec
from confluent_kafka import Message

from connectors import kafka, published
from connectors.dead_letters import letters
from connectors.settings import Settings
from contracts.errors import BadInput, NotReady, ZhongtaiError
from contracts.keys import key, partition
from contracts.receipts import Origin, Receipt, receipt_id
from contracts.refusals import Refused
from contracts.stock import StockLevel, StockMovement
from contracts.wire import decoder

NOWHERE = 1 << 62  # past every end: a partition that starts there is not read
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_FILE_LINE = re.compile(r"(.+):(\d+)")
_NUMBER = re.compile(r"([^/]+)/([^/]+)/(\d{4}-\d\d-\d\d)/(\d+)")


class Wanted(NamedTuple):
    """What was asked for: an id (with the store, when it is known), or a file and a line."""

    id: str = ""
    store: str = ""
    file: str = ""
    line: int = 0

    def is_met_by(self, receipt: Receipt) -> bool:
        if self.id:
            return receipt.receipt_id == self.id
        return receipt.origin.line == self.line and f"/{receipt.origin.file}".endswith(f"/{self.file}")


class Moved(msgspec.Struct, frozen=True):
    """A line's stock movement and where it stands in event.stock_movement; `level` is what is there now."""

    line: int
    sku: str
    location: str
    quantity: int
    unit: str
    movement_id: str
    partition: int
    offset: int
    level: int | None


class Trace(msgspec.Struct, frozen=True):
    """Every place where a receipt stands. If the raw record cannot be shown, `raw` is None and `raw_note` says why."""

    receipt_id: str
    origin: Origin
    raw: dict[str, object] | None
    raw_note: str
    event: Origin
    receipt: dict[str, object]
    movements: list[Moved]
    published_version: int | None
    day: dict[str, object] | None


def parse(wanted: str, tenant: str) -> Wanted:
    """STORE/TILL/DATE/NUMBER, a receipt id, or FILE:LINE. Raises `BadInput` for anything else."""
    if _UUID.fullmatch(wanted):
        return Wanted(id=wanted)
    if match := _FILE_LINE.fullmatch(wanted):
        return Wanted(file=match[1], line=int(match[2]))
    if match := _NUMBER.fullmatch(wanted):
        return Wanted(id=receipt_id(tenant, match[1], match[2], match[3], int(match[4])), store=match[1])
    raise BadInput(f"{wanted} names no receipt.", "Write STORE/TILL/DATE/NUMBER, a receipt id, or FILE:LINE.")


def trace(settings: Settings, text: str, progress: Callable[[str], None]) -> Trace:
    """Everything that the platform holds of one receipt. Raises `ZhongtaiError` when there is no such receipt."""
    wanted = parse(text, settings.tenant)
    try:
        con: duckdb.DuckDBPyConnection | None = published.connect(settings.home)
    except NotReady:
        con = None
    try:
        place = _place(con, settings.tenant, wanted) if con else None
        found = _event_at(settings, place) if place else None
        if found is None:
            progress("not in the published marts; searching event.receipt")
            found = _search(settings, wanted)
        if found is None:
            _tell_refusal(settings, wanted)
            raise ZhongtaiError(
                f"No accepted receipt is {text}.",
                "It may have been refused (zhongtai dlq list), not yet judged (zhongtai status), or expired.",
            )
        return _walk(settings, con, *found)
    finally:
        if con:
            con.close()


def _tell_refusal(settings: Settings, wanted: Wanted) -> None:
    """Raises `ZhongtaiError` with the reason, when the line that was asked for was refused."""
    for id_, letter in letters(settings, "pos").items():
        refused = letter.refused
        if wanted.file and (refused.origin.file, refused.origin.line) == (wanted.file, wanted.line):
            why = Refused(refused.code, refused.place)
            at = f" at {why.place}" if why.place else ""
            raise ZhongtaiError(
                f"That line was refused{at}: {why.reason()} {why.reason('zh')}", f"See: zhongtai dlq show {id_}"
            )


def _walk(settings: Settings, con: duckdb.DuckDBPyConnection | None, receipt: Receipt, event: Origin) -> Trace:
    raw, note = _raw(settings, receipt.origin)
    moved = (_moved_in_mart(con, receipt) if con else []) or _moved_in_kafka(settings, receipt)
    tokens = [{"type": token.type, "nid": token.nid} for token in receipt.identifiers]
    return Trace(
        receipt_id=receipt.receipt_id,
        origin=receipt.origin,
        raw=raw,
        raw_note=note,
        event=event,
        receipt=msgspec.to_builtins(receipt) | {"identifiers": tokens},
        movements=moved,
        published_version=_version(con) if con else None,
        day=_day(con, receipt) if con else None,
    )


def masked(value: str) -> str:
    """An identifier that a person may see: 13812345678 is 138****5678. Short values keep less."""
    head, tail = min(3, len(value) * 3 // 11), min(4, len(value) * 4 // 11)
    return f"{value[:head]}****{value[len(value) - tail :]}"


def _raw(settings: Settings, origin: Origin) -> tuple[dict[str, object] | None, str]:
    """The raw record with masked identifiers, or None and why it cannot be shown."""
    message = _message_at(settings, origin)
    if message is None:
        return None, f"{origin.topic} keeps records for some days only, and has dropped this one."
    try:
        raw: dict[str, object] = json.loads(message.value() or b"")
    except ValueError:
        return None, f"{origin.topic} holds something else there: was the topic created again?"
    shown = raw.get("identifiers")
    if isinstance(shown, list):
        raw["identifiers"] = [{"type": i.get("type"), "value": masked(str(i.get("value")))} for i in shown]
    return raw, ""


def _event_at(settings: Settings, place: Origin) -> tuple[Receipt, Origin] | None:
    message = _message_at(settings, place)
    return (decoder(Receipt)(message.value() or b""), place) if message else None


def _search(settings: Settings, wanted: Wanted) -> tuple[Receipt, Origin] | None:
    topic = "event.receipt"
    owners = [key(settings.tenant, wanted.store)] if wanted.store else None
    needle = (wanted.id or f":{wanted.line}").encode()
    decode = decoder(Receipt)
    for message in _messages(settings, topic, owners):
        value = message.value() or b""
        if needle in value and (wanted.is_met_by(receipt := decode(value))):
            return receipt, _origin(message)
    return None


def _moved_in_kafka(settings: Settings, receipt: Receipt) -> list[Moved]:
    owners = [key(settings.tenant, line.sku) for line in receipt.lines]
    levels: dict[tuple[str, str], int] = {}
    wanted = {(line.sku, receipt.store) for line in receipt.lines}
    decode_level = decoder(StockLevel)
    keys = {key(settings.tenant, *pair): pair for pair in wanted}
    for message in _messages(settings, "state.stock_level", owners):
        if (pair := keys.get(message.key() or b"")) and (value := message.value()) is not None:
            levels[pair] = decode_level(value).on_hand
    decode, needle = decoder(StockMovement), receipt.receipt_id.encode()
    moved = []
    for message in _messages(settings, "event.stock_movement", owners):
        value = message.value() or b""
        if needle in value and (m := decode(value)).why.id == receipt.receipt_id:
            level = levels.get((m.sku, m.location))
            at = _origin(message)
            moved.append(
                Moved(m.why.line, m.sku, m.location, m.quantity, m.unit, m.movement_id, at.partition, at.offset, level)
            )
    return sorted(moved, key=lambda m: m.line)


def _messages(settings: Settings, topic: str, owners: Collection[bytes] | None) -> Iterator[Message]:
    """This tenant's records of the partitions that own some partitioning keys; of all partitions when None."""
    prefix = key(settings.tenant, "")
    for _, messages, _ in kafka.read(settings, topic, _only(settings, topic, owners)):
        yield from (m for m in messages if (m.key() or b"").startswith(prefix))


def _only(settings: Settings, topic: str, owners: Collection[bytes] | None) -> Mapping[int, int]:
    if owners is None:
        return {}
    consumer = kafka.reader(settings)
    try:
        partitions = kafka.partitions(consumer, topic)
    finally:
        consumer.close()
    mine = {partition(owner, len(partitions)) for owner in owners}
    return {p: 0 if p in mine else NOWHERE for p in partitions}


def _message_at(settings: Settings, place: Origin) -> Message | None:
    """The very record at an offset; None when the topic has dropped it."""
    consumer = kafka.reader(settings)
    try:
        start = dict.fromkeys(kafka.partitions(consumer, place.topic), NOWHERE) | {place.partition: place.offset}
    finally:
        consumer.close()
    with closing(kafka.read(settings, place.topic, start, chunk=1)) as runs:  # type: ignore[type-var]
        first = next((messages[0] for _, messages, _ in runs if messages), None)
    return first if first and first.offset() == place.offset else None


def _origin(message: Message) -> Origin:
    return Origin(message.topic() or "", message.partition() or 0, message.offset() or 0)


def _place(con: duckdb.DuckDBPyConnection, tenant: str, wanted: Wanted) -> Origin | None:
    """Where the mart says that the event stands."""
    rows = con.execute(
        """
        SELECT kafka_partition, kafka_offset, origin_file
        FROM dwd_trade_receipt
        WHERE tenant = $tenant
            AND (receipt_id = $id OR (origin_line = $line AND suffix('/' || origin_file, '/' || $file)))
        """,
        {"tenant": tenant, "id": wanted.id, "line": wanted.line if wanted.file else -1, "file": wanted.file},
    ).fetchall()
    if len(rows) > 1:
        raise BadInput(f"More than one file is called {wanted.file}.", f"Name one: {', '.join(r[2] for r in rows[:5])}")
    return Origin("event.receipt", rows[0][0], rows[0][1]) if rows else None


def _moved_in_mart(con: duckdb.DuckDBPyConnection, receipt: Receipt) -> list[Moved]:
    rows = con.execute(
        """
        SELECT document_line, m.sku, m.location, quantity, m.unit, movement_id, kafka_partition, kafka_offset, on_hand
        FROM dwd_stock_movement AS m
        LEFT JOIN ads_stock_level AS l USING (tenant, sku, location)
        WHERE m.tenant = ? AND document_id = ?
        ORDER BY document_line
        """,
        [receipt.tenant, receipt.receipt_id],
    ).fetchall()
    return [Moved(*row) for row in rows]


def _day(con: duckdb.DuckDBPyConnection, receipt: Receipt) -> dict[str, object] | None:
    """The row of the shop's day; None when the receipt is in Kafka but not yet published."""
    result = con.execute(
        """
        SELECT d.*
        FROM dws_trade_store_1d AS d
        WHERE d.tenant = ? AND d.store = ? AND d.business_date = CAST(? AS DATE) AND d.currency = ?
            AND EXISTS (FROM dwd_trade_receipt AS r WHERE r.tenant = d.tenant AND r.receipt_id = ?)
        """,
        [receipt.tenant, receipt.store, receipt.business_date, receipt.currency, receipt.receipt_id],
    )
    names = [column[0] for column in result.description or ()]
    row = result.fetchone()
    return dict(zip(names, row, strict=True)) | {"business_date": receipt.business_date} if row else None


def _version(con: duckdb.DuckDBPyConnection) -> int | None:
    row = con.execute("SELECT any_value(version) FROM meta_run").fetchone()
    return row[0] if row else None
