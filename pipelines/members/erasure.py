"""Erasing a person: after it nothing of theirs opens anywhere, no state holds their identifiers, and nothing brings them back.

    1. destroy the keys of all their nids          2. renew the copies of the keys that backups made
    3. tell the ruling: the map, what is known of them and their profiles go     4. have their orders forget them
    5. wait until no state holds them              6. publish anew, and remove what was published before

The keys go first, so that whatever fails afterwards, every copy of a value is closed: in topics, in lakes, in marts and in
backups. Repeating it is harmless, and goes on where it was interrupted.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from connectors import atomic, processes
from connectors.clock import SystemClock
from connectors.keystore import Keystore
from connectors.sender import Sender
from connectors.settings import Settings
from contracts.errors import NotReady, ZhongtaiError
from contracts.instants import spelt
from contracts.keys import key, record_id
from contracts.member_map import MemberOf
from contracts.members import Profile
from contracts.orders import Order, OrderFact
from contracts.receipts import Origin
from contracts.wire import encode, headers
from oneid.contributions import shown
from pipelines import key_copies
from pipelines.members import rulings
from pipelines.members.following import Follower
from pipelines.members.rulings import Steward
from pipelines.newest import newest
from pipelines.warehouse import run as warehouse

Progress = Callable[[str], None]
# How a ruling comes through: the job, and what it reads.
RULED = (("show_rulings", "event.ruling"), ("resolve_members", "event.identity"))
PROFILED = (("derive_profile_erasures", "event.ruling"), ("keep_profiles", "event.profile_fact"))
ORDERED = (("keep_orders", "event.order"),)


class Erased(NamedTuple):
    """`keys` were not destroyed before, `orders` forgot them, `copies` of the keys could not be renewed (their folders)."""

    keys: int
    orders: int
    copies: tuple[Path, ...]
    version: int


class Pending:
    """Erasures that were begun: their nids, until nothing is left to do. Then one that was interrupted can be ended.

    Otherwise it could not be found again: the map forgets first whose the identifiers were.
    """

    def __init__(self, home: Path) -> None:
        self._file = home / "keys" / "erasing"

    def find(self, nids: Iterable[str]) -> tuple[str, ...]:
        """The nids of the begun erasure with one of these; none, when there is none."""
        asked = set(nids)
        return next((begun for begun in self._all() if not asked.isdisjoint(begun)), ())

    def begin(self, nids: tuple[str, ...]) -> None:
        self._write([*(begun for begun in self._all() if set(begun).isdisjoint(nids)), nids])

    def end(self, nids: tuple[str, ...]) -> None:
        self._write([begun for begun in self._all() if set(begun).isdisjoint(nids)])

    def _all(self) -> list[tuple[str, ...]]:
        try:
            return [tuple(line.split()) for line in self._file.read_text("utf-8").splitlines()]
        except FileNotFoundError:
            return []

    def _write(self, all: list[tuple[str, ...]]) -> None:
        atomic.write(self._file, "".join(f"{' '.join(nids)}\n" for nids in all).encode())


def erase(
    settings: Settings, nids: Iterable[str], steward: Steward, *, wait_s: float, publish: bool, progress: Progress
) -> Erased:
    """Erases these identifiers: all that one person has. Raises `NotReady` when the jobs do not follow; then repeat it."""
    gone = tuple(sorted(set(nids)))
    progress("destroying keys")
    keys = _destroy(settings, gone)
    left = tuple(_renewed(settings))
    progress("telling it")
    rulings.send(settings, [steward.erases(nid) for nid in gone])
    orders = 0
    if wait_s > 0:
        follower = Follower(settings, wait_s, progress)
        follower.through(RULED, "state.member_map")
        follower.through(PROFILED)
        # What was on its way when the keys went may still carry the identifiers into an order.
        follower.through(ORDERED, "state.order")
        orders = _forget(settings, set(gone), progress)
        follower.through((*ORDERED, ("keep_profiles", "event.profile_fact")), "state.order", "state.profile")
        _check(settings, set(gone))
    return Erased(keys, orders, left, _publish(settings, progress) if publish else 0)


def _destroy(settings: Settings, nids: Iterable[str]) -> int:
    store = Keystore(settings.home, SystemClock())
    try:
        return store.destroy(nids)
    finally:
        store.close()


def _renewed(settings: Settings) -> Iterable[Path]:
    """Renews the copies of the keys that backups have made; those that cannot be reached."""
    for folder in key_copies.copies(settings.home):
        try:
            key_copies.renew(settings.home, folder, SystemClock())
        except (OSError, ZhongtaiError):
            yield folder


def _forget(settings: Settings, gone: set[str], progress: Progress) -> int:
    """Tells every order that holds one of the identifiers to forget them; how many there are."""
    progress("looking through the orders")
    found = [
        (order, mine)
        for order in newest(settings, "state.order", Order)
        if order.snapshot and (mine := tuple(sorted({token.nid for token in shown(order.snapshot)} & gone)))
    ]
    if found:
        now = spelt(SystemClock().now())
        with Sender(settings) as sender:
            for order, mine in found:
                _tell(sender, _forgetting(order, mine, now))
    return len(found)


def _tell(sender: Sender, fact: OrderFact) -> None:
    sender.send(
        "event.order",
        key=key(fact.tenant, fact.order_id, fact.fact_id),
        partitioned_by=key(fact.tenant, fact.order_id),
        value=encode(fact),
        headers=headers(OrderFact, fact.fact_id, "/cli/member", fact.at),
    )


def _forgetting(order: Order, nids: tuple[str, ...], now: str) -> OrderFact:
    """A fact that says nothing of the order but what it must forget."""
    return OrderFact(
        tenant=order.tenant,
        fact_id=record_id(order.tenant, "order_fact", order.order_id, "forgets", *nids),
        order_id=order.order_id,
        channel=order.channel,
        source=order.source,
        shop=order.shop,
        kind="updated",
        version=now,
        at=now,
        known_at=now,
        origin=Origin("event.ruling", 0, 0),
        forgets=nids,
    )


def _publish(settings: Settings, progress: Progress) -> int:
    """A publication of after the erasure, the only one that is left; its version."""
    progress("waiting for the run that is under way")
    with processes.lock(settings.home / "warehouse" / "lock", wait=True):
        pass
    return warehouse.run(settings, lambda now: progress(f"publishing anew: {now}")).version


def _check(settings: Settings, gone: set[str]) -> None:
    """Raises `NotReady` where state still holds one: an event may have come between."""
    held = {one.nid for one in newest(settings, "state.member_map", MemberOf)} & gone
    held |= {one.nid for one in newest(settings, "state.profile", Profile)} & gone
    for order in newest(settings, "state.order", Order):
        held |= {token.nid for token in shown(order.snapshot)} & gone if order.snapshot else set()
    if held:
        raise NotReady("The keys are destroyed, but state still holds the person.", "Repeat the command.")
