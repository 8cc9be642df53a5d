"""`raw.wms` → `event.visibility`: EPCIS events, each taken once. What is refused goes to `dlq.wms`.

An error declaration and the event that it declares may come in either order: whichever comes second settles what both mean.
"""

from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256
from typing import NamedTuple

from msgspec.structs import replace

from centers.visibility.accept import accept
from connectors.locations import load_locations
from connectors.settings import Settings
from connectors.wms import epcis
from contracts.dead_letters import DeadLetter
from contracts.keys import key
from contracts.locations import Locations
from contracts.refusals import Refused
from contracts.visibility import VisibilityEvent, VisibilityMark
from contracts.wire import encode, headers
from pipelines.batch import Effects, Job, Output, Run, State, Table
from pipelines.intake import Desk, Intake, Raw, dead

FEED = "wms"


class Taken(NamedTuple):
    """A raw record, read: an event or a dead letter; what it becomes if its contents differ; what it repairs."""

    record: VisibilityEvent | DeadLetter
    differs: DeadLetter | None = None
    repaired: DeadLetter | None = None


def step(state: State[VisibilityMark], events: Sequence[Taken]) -> Effects:
    """Each event once and each error declaration once; dead letters as often as they come, since their key collapses them."""
    changes: dict[bytes, VisibilityMark] = {}
    outputs: list[Output] = []
    for record, differs, repaired in events:
        if isinstance(record, DeadLetter):
            outputs.append(dead(record))
            continue
        name = key(record.tenant, record.epcis_id)
        old = changes.get(name) or state.get(name)
        mark, taken = settle(old, record)
        if taken is None and mark is None and differs is not None:
            outputs.append(dead(differs))
            continue
        if mark is not None and taken is not None:
            changes[name] = mark
            outputs.append(_event(taken))
        if repaired is not None:
            outputs.append(dead(repaired))
    return Effects(changes, outputs)


def settle(old: VisibilityMark | None, event: VisibilityEvent) -> tuple[VisibilityMark | None, VisibilityEvent | None]:
    """What is known of an epcis_id after an event of it, and the event with its standing.

    (old, None) is a repeat; (None, None) a declaration whose contents are not those of the event that it declares.
    """
    moves = moved(event)
    if event.declaration is None:
        if old is not None and old.event:
            return old, None
        declared = old is not None and old.declared
        mark = VisibilityMark(tenant=event.tenant, event=True, declared=declared, moved=moves)
        return mark, replace(event, standing="voided" if declared else "stands")
    if old is not None and old.declared:
        return old, None
    if old is not None and old.event:
        if old.moved != moves:
            return None, None
        return replace(old, declared=True), replace(event, standing="voids")
    return VisibilityMark(tenant=event.tenant, event=False, declared=True), replace(event, standing="declared")


def moved(event: VisibilityEvent) -> str:
    """A hash of everything by which an event moves stock."""
    places = (event.location, event.from_location, event.to_location)
    what = (event.type, event.action, event.step, event.disposition, event.effect, event.at, *places, event.items)
    return sha256(encode(what)).hexdigest()[:32]


def _event(event: VisibilityEvent) -> Output:
    return Output(
        "event.visibility",
        key(event.tenant, event.visibility_id),
        key(event.tenant, event.epcis_id),
        event,
        headers(VisibilityEvent, event.visibility_id, "/feeds/wms", event.at),
    )


class Reader:
    """Steps 2 and 3 of the protocol for raw events."""

    def __init__(self, settings: Settings) -> None:
        self._intake = Intake(FEED, settings)
        self._settings = settings

    @cached_property
    def _locations(self) -> Locations:
        return load_locations(self._settings)

    def prepare(self, run: Run) -> list[Taken]:
        """Every record of the run, in its order: an event, or a dead letter."""
        return [self._take(desk, one) for desk, one in self._intake.records(run)]

    def _take(self, desk: Desk, one: Raw) -> Taken:
        decoded = epcis.refused_whole(one.value) or epcis.decode(one.value)
        if isinstance(decoded, Refused):
            return Taken(desk.refuse(one, decoded))
        event = accept(
            desk.tenant, decoded, self._intake.products, self._locations, received_at=one.at, origin=one.origin
        )
        if isinstance(event, Refused):
            return Taken(desk.refuse(one, event))
        differs = Refused("epcis_declaration_differs", "errorDeclaration")
        return Taken(
            event,
            desk.refuse(one, differs) if event.declaration else None,
            desk.repaired(one, event.visibility_id),
        )


def job(settings: Settings) -> Job:
    return Job(
        name="accept_visibility",
        inputs=("raw.wms",),
        prepare=Reader(settings).prepare,
        step=step,
        state=Table("log.accept_visibility", VisibilityMark),
        slow=True,  # it decodes at length, and makes keys durable
    )
