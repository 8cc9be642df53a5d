"""`raw.ecommerce` → `event.behaviour`: the calls of web shops and apps, each taken once within a horizon of three days.

What comes later than that remembers goes to `event.late`; what is refused goes to `dlq.ecommerce`. Messages about orders
are left to the job that reads them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID

import msgspec

from connectors.ecommerce import segment
from connectors.ecommerce.segment import Heard
from connectors.settings import Settings
from contracts.behaviour import Behaviour, event_id
from contracts.dead_letters import DeadLetter
from contracts.instants import latest
from contracts.keys import key
from contracts.late import Late
from contracts.receipts import Token
from contracts.refusals import Refused
from contracts.web import Shown
from contracts.wire import encode, headers
from pipelines.batch import Effects, Job, Output, Run, State
from pipelines.batch.distinct import ById
from pipelines.intake import Desk, Intake, Raw, by_desk, dead

FEED = "ecommerce"
HORIZON_S = 3 * 86_400
# The time of a dead letter: nothing has to remember it, and its arrival says nothing of when the calls around it happened.
LONG_AGO = 0
Way = tuple[Shown, ...]


class Event(NamedTuple):
    """A call or a dead letter, with the id and the time (seconds) by which a second sending of it is known."""

    id: bytes
    time: int
    record: Behaviour | DeadLetter


def step(_: State[Behaviour] | None, events: Sequence[Event]) -> Effects:
    return Effects({}, [_output(event.record) for event in events])


def late(events: Sequence[Event]) -> list[Output]:
    """Calls that are too old to judge wait for who can; a dead letter is collapsed by its key, so it goes on."""
    return [_output(r) if isinstance(r, DeadLetter) else _late(r) for r in (event.record for event in events)]


def _output(record: Behaviour | DeadLetter) -> Output:
    if isinstance(record, DeadLetter):
        return dead(record)
    by = key(record.tenant, record.event_id)
    about = headers(Behaviour, record.event_id, "/feeds/ecommerce", record.at)
    return Output("event.behaviour", by, by, record, about)


def _late(record: Behaviour) -> Output:
    by = key(record.tenant, record.event_id)
    waiting = Late(
        tenant=record.tenant,
        id=record.event_id,
        at=record.at,
        topic="event.behaviour",
        key=by.decode(),
        by=by.decode(),
        record=msgspec.Raw(encode(record)),
    )
    return Output("event.late", by, by, waiting, headers(Late, record.event_id, "/feeds/ecommerce", record.at))


class Reader:
    """Steps 2 and 3 of the protocol for calls."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def prepare(self, run: Run) -> list[Event]:
        """Every call of the run, in its order: an event or a dead letter, and what it repairs. Keys of tokens are durable."""
        heard = [
            (desk, one, segment.decode(one.value, one.headers))
            for desk, one in self._intake.records(run)
            if one.format == segment.FORMAT
        ]
        calls = by_desk((desk, call) for desk, _, call in heard)
        read = {desk: _read(desk, mine) for desk, mine in calls.items()}
        return [event for desk, one, call in heard for event in _events(desk, one, call, read[desk])]


def _read(desk: Desk, calls: Sequence[Heard | Refused]) -> dict[Way, Token]:
    """The token of each identifier of the calls that can be read, by the ways to read it."""
    ways = {way for call in calls if isinstance(call, Heard) for way in (*call.shown, call.previous)}
    chosen = {way: shown for way in ways for shown in [_chosen(desk, way)] if shown}
    tokens = desk.tokens(chosen.values())
    return {way: tokens[shown] for way, shown in chosen.items() if shown in tokens}


def _chosen(desk: Desk, way: Way) -> Shown | None:
    """The first of the ways to read an identifier in which it can be read. Only that one gets a key."""
    return next((shown for shown in way if desk.tokeniser.reads(shown)), None)


def _events(desk: Desk, one: Raw, call: Heard | Refused, read: Mapping[Way, Token]) -> list[Event]:
    if isinstance(call, Refused):
        return [_letter(desk.refuse(one, call), one)]
    event = _behaviour(desk, one, call, read)
    # A moment ahead of ours would make all that is now look late: for remembering, no call is younger than its arrival.
    moment = one.at if latest(event.at, one.at) == event.at else event.at
    taken = Event(UUID(event.event_id).bytes, _seconds(moment), event)
    repaired = desk.repaired(one, event.event_id)
    # The repair is told also when the call itself was taken before.
    return [taken, _letter(repaired, one)] if repaired else [taken]


def _letter(letter: DeadLetter, one: Raw) -> Event:
    # By its place, so that each is written: that of the same bytes has the same key.
    place = f"{letter.status} {letter.id} {one.origin.partition} {one.origin.offset}"
    return Event(blake2b(place.encode(), digest_size=16).digest(), LONG_AGO, letter)


def _seconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp())


def _behaviour(desk: Desk, one: Raw, call: Heard, read: Mapping[Way, Token]) -> Behaviour:
    return Behaviour(
        tenant=desk.tenant,
        event_id=event_id(desk.tenant, call.message),
        kind=call.kind,
        name=call.name,
        at=call.at or one.at,
        received_at=one.at,
        identifiers=tuple(dict.fromkeys(read[way] for way in call.shown if way in read)),
        previous=read.get(call.previous),
        unreadable=tuple(dict.fromkeys(way[0].type for way in call.shown if way not in read)),
        items=call.items,
        currency=call.currency,
        amount_cents=call.amount,
        order=call.order,
        cart=call.cart,
        category=call.category,
        name_tokens=desk.name_tokens(call.person),
        consents=call.consents,
        origin=one.origin,
    )


def ids(events: Sequence[Event]) -> list[bytes]:
    return [event.id for event in events]


def times(events: Sequence[Event]) -> list[int]:
    return [event.time for event in events]


def job(settings: Settings) -> Job:
    return Job(
        name="accept_behaviour",
        inputs=("raw.ecommerce",),
        prepare=Reader(Intake(FEED, settings)).prepare,
        step=step,
        distinct=ById("log.accept_behaviour", ids, times, HORIZON_S),
        late=late,
        slow=True,  # it decodes at length, and makes keys durable
    )
