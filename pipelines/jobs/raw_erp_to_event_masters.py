"""`raw.erp` → `event.<noun>` and `state.<noun>` of every master: each change once, the newest by its place in the source.

What is refused goes to `dlq.erp`. The end of a full drop turns what none of its rows held into what the drop says.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from centers.masters import versions
from centers.masters.accept import accept
from connectors.erp import rows
from connectors.reference import load_products_if_any
from connectors.settings import Settings
from contracts.dead_letters import DeadLetter
from contracts.keys import key, record_id
from contracts.masters import Change, DropEnd, Master, MasterMark, Row
from contracts.products import Products
from contracts.receipts import Origin
from contracts.refusals import Refused
from contracts.wire import headers
from pipelines.batch import Effects, Job, Output, Run, State, Table
from pipelines.intake import Desk, Intake, Raw, dead

SOURCE = "/feeds/erp"
_NO_PRODUCTS = Products(0, {}, {})


class Taken(NamedTuple):
    """A raw record, read: a row, the end of a full drop, or a dead letter; where and when; and what it repairs."""

    tenant: str
    what: Row | DropEnd | DeadLetter
    record: Master | None
    known_at: str
    origin: Origin
    repaired: DeadLetter | None = None


class _Marks:
    """The state as the events of one step have left it so far."""

    def __init__(self, state: State[MasterMark]) -> None:
        self._state = state
        self.changes: dict[bytes, MasterMark] = {}

    def get(self, name: bytes) -> MasterMark | None:
        return self.changes.get(name) or self._state.get(name)

    def of(self, prefix: bytes) -> Mapping[bytes, MasterMark]:
        """Every key of a table. A full drop is rare, and a partition of masters is small."""
        names = {k for k in (*self._state.keys(), *self.changes) if k.startswith(prefix)}
        return {k: mark for k in sorted(names) if (mark := self.get(k)) is not None}


def step(state: State[MasterMark], events: Sequence[Taken]) -> Effects:
    """The newest change of each key; older ones and repeats make nothing. Dead letters as often as they come."""
    marks = _Marks(state)
    outputs: list[Output] = []
    for event in events:
        if isinstance(event.what, DeadLetter):
            outputs.append(dead(event.what))
        elif isinstance(event.what, DropEnd):
            outputs += _ended(marks, event, event.what)
        else:
            outputs += _settled(marks, event, event.what)
        if event.repaired is not None:
            outputs.append(dead(event.repaired))
    return Effects(marks.changes, outputs)


def _settled(marks: _Marks, event: Taken, row: Row) -> list[Output]:
    name = key(event.tenant, row.table, *row.key)
    full = marks.get(key(event.tenant, row.table))
    mark, change = versions.settle(event.tenant, marks.get(name), full, row)
    if mark is None:
        return []
    marks.changes[name] = mark
    if change is None:
        return []
    record = event.record if change == "upsert" else _gone(event, row.key, mark, change)
    return _outputs(event.tenant, row.table, row.key, record)


def _ended(marks: _Marks, event: Taken, end: DropEnd) -> list[Output]:
    own = key(event.tenant, end.table)
    prefix = own + b"|"
    outputs: list[Output] = []
    for name, mark in versions.ended(event.tenant, marks.of(prefix), marks.get(own), end):
        marks.changes[own if name is None else name] = mark
        if name is not None:
            parts = tuple(name[len(prefix) :].decode().split("|"))
            outputs += _outputs(event.tenant, end.table, parts, _gone(event, parts, mark, end.missing))
    return outputs


def _gone(event: Taken, parts: tuple[str, ...], mark: MasterMark, change: str) -> Master | None:
    """The last contents that were known, as what became of them; None where they are not known."""
    if change == "ignored":
        return None
    last: Change = "deleted" if change == "deleted" else "discontinued"
    row = Row(mark.table, parts, mark.position, True, mark.cells)
    # By no products: what was good when it came is not refused for going.
    record = accept(event.tenant, row, _NO_PRODUCTS, change=last, known_at=event.known_at, origin=event.origin)
    return None if isinstance(record, Refused) else record


def _outputs(tenant: str, table: str, parts: tuple[str, ...], record: Master | None) -> list[Output]:
    if record is None:
        return []
    own = key(tenant, *parts)
    said = about(table, parts, record)
    return [Output(f"{layer}.{table}", own, own, record, said) for layer in ("event", "state")]


def about(table: str, parts: Sequence[str], record: Master) -> list[tuple[str, bytes]]:
    """The headers of a master with this key: the same change has the same id, in `event.*` and in `state.*`."""
    id = record_id(record.tenant, "erp", table, *parts, record.source, *record.version, record.change)
    return headers(type(record), id, SOURCE, record.at)


class Reader:
    """Steps 2 and 3 of the protocol for rows of the ERP."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._intake = Intake(rows.FEED, settings)

    @cached_property
    def _products(self) -> Products:
        return load_products_if_any(self._settings)

    def prepare(self, run: Run) -> list[Taken]:
        """Every record of the run, in its order."""
        return [self._take(desk, one) for desk, one in self._intake.records(run)]

    def _take(self, desk: Desk, one: Raw) -> Taken:
        decoded = rows.decode(one.format, one.value)
        record: Master | Refused | None = None
        if isinstance(decoded, Row) and not decoded.deleted:
            record = accept(
                desk.tenant,
                decoded,
                self._products,
                change="upsert",
                known_at=one.at,
                origin=one.origin,
                within=rows.within(one.format, decoded),
            )
        refused = decoded if isinstance(decoded, Refused) else record if isinstance(record, Refused) else None
        if refused is not None:
            return Taken(desk.tenant, desk.refuse(one, refused), None, one.at, one.origin)
        assert not isinstance(decoded, Refused)
        assert not isinstance(record, Refused)
        repaired = None
        if isinstance(decoded, Row):
            position = decoded.position
            id = record_id(desk.tenant, "erp", decoded.table, *decoded.key, position.source, *position.version)
            repaired = desk.repaired(one, id)
        return Taken(desk.tenant, decoded, record, one.at, one.origin, repaired)


def job(settings: Settings) -> Job:
    return Job(
        name="accept_masters",
        inputs=("raw.erp",),
        prepare=Reader(settings).prepare,
        step=step,
        state=Table("log.accept_masters", MasterMark),
        slow=True,  # it decodes at length, and makes keys durable
    )
