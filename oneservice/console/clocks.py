"""On whose clock an hour of trade is told: each shop's own, as the masters of stores have it, else UTC. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from contracts.masters import Store
from contracts.units import zone

SLOT_S = 900  # zones differ from UTC by whole quarters of an hour, so all of a slot is in one hour of any clock


class Clock(NamedTuple):
    """A time zone of the IANA database, and the hour at which a business day begins there."""

    zone: str
    day_cut_hour: int


class Slot(NamedTuple):
    """A quarter of an hour since 1970 in UTC, in the shops of one clock; `clock` is its place in a list, None: not known."""

    clock: int | None
    slot: int
    cents: int
    receipts: int


class Hour(NamedTuple):
    """An hour that the shops' clocks show, 0 to 23."""

    hour: int
    cents: int
    receipts: int


class Told(NamedTuple):
    """A business day by the hour, from where it begins. `zones` are those of the shops; `unknown`: some were told by UTC."""

    hours: list[Hour]
    zones: list[str]
    unknown: bool


def clocks(stores: Iterable[Store]) -> tuple[list[Clock], dict[str, int]]:
    """Every clock once, and by shop the place of its own in the list. A zone that this machine does not know is left out."""
    of = {one.store: Clock(one.zone, one.day_cut_hour) for one in stores if zone(one.zone)}
    known = sorted(set(of.values()))
    places = {clock: n for n, clock in enumerate(known)}
    return known, {store: places[clock] for store, clock in of.items()}


def told(slots: Sequence[Slot], known: Sequence[Clock]) -> Told:
    """The slots added up by the hour of each one's own clock. In an hour that a clock shows twice there is all of both."""
    sums: dict[int, tuple[int, int]] = {}
    for one in slots:
        hour = _hour(one, known)
        cents, receipts = sums.get(hour, (0, 0))
        sums[hour] = (cents + one.cents, receipts + one.receipts)
    used = {None if one.clock is None else known[one.clock] for one in slots}
    first = min((clock.day_cut_hour if clock else 0 for clock in used), default=0)
    hours = [Hour(hour, *sums[hour]) for hour in sorted(sums, key=lambda hour: (hour - first) % 24)]
    return Told(hours, sorted({clock.zone for clock in used if clock}), None in used)


def _hour(one: Slot, known: Sequence[Clock]) -> int:
    where = zone(known[one.clock].zone) if one.clock is not None else None
    return datetime.fromtimestamp(one.slot * SLOT_S, where or UTC).hour


def filled(hours: Sequence[Hour]) -> Mapping[int, int]:
    """Minor units by hour for a chart: in the same order, with the hours between them in which nothing was sold."""
    if not hours:
        return {}
    of = {one.hour: one.cents for one in hours}
    span = (hours[-1].hour - hours[0].hour) % 24 + 1
    return {hour: of.get(hour, 0) for hour in ((hours[0].hour + n) % 24 for n in range(span))}
