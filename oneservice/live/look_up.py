"""Live look-ups by what they are about: a record, and how far it can be trusted."""

from collections.abc import Callable
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

from contracts.errors import NotReady
from contracts.keys import SEPARATOR, key, partition
from contracts.masters import Store
from contracts.member_map import MemberOf
from contracts.members import Profile
from contracts.orders import Order
from contracts.stock import StockLevel
from contracts.topics import BY_NAME
from contracts.wire import Record, decoder
from oneservice.live.follow import Follower, Freshness
from oneservice.live.roads import MEMBER_MAP, ORDERS, PROFILES, STOCK, STORES
from oneservice.live.view import View

R = TypeVar("R", bound=Record)
T = TypeVar("T")
MOST_LOCATIONS = 20_000
MOST_IDENTIFIERS = 2_000
MOST_STORES = 20_000


class Position(NamedTuple):
    """Where the view stands in a topic: the next offset of the partition that the record is in."""

    topic: str
    partition: int
    next_offset: int


class Found(NamedTuple, Generic[T]):
    """What was found as of a moment (None: nobody can tell), where the view stands, and why it is no newer ("" if all runs)."""

    records: T
    as_of: datetime | None
    position: Position
    said: str


class LookUp:
    """Reads the view of one tenant. May be shared between threads. Every method raises `NotReady` while the view is filled."""

    def __init__(self, view: View, follower: Follower, tenant: str) -> None:
        self._view = view
        self._follower = follower
        self._tenant = tenant

    def freshness(self, topic: str) -> Freshness:
        return self._follower.freshness(topic)

    def stock(self, sku: str) -> Found[list[StockLevel]]:
        """The levels of a product, by location."""
        prefix = key(self._tenant, sku) + SEPARATOR.encode()
        decode = decoder(StockLevel)
        return self._found(
            STOCK.topic,
            key(self._tenant, sku),
            # A SKU with the separator in it would otherwise be taken for another's location.
            lambda: [
                one for one in map(decode, self._view.among(STOCK.topic, prefix, MOST_LOCATIONS)) if one.sku == sku
            ],
        )

    def level(self, sku: str, location: str) -> Found[StockLevel | None]:
        def read() -> StockLevel | None:
            found = self._one(STOCK.topic, key(self._tenant, sku, location), StockLevel)
            return found if found and found.sku == sku else None

        return self._found(STOCK.topic, key(self._tenant, sku), read)

    def order(self, order_id: str) -> Found[Order | None]:
        own = key(self._tenant, order_id)
        return self._found(ORDERS.topic, own, lambda: self._one(ORDERS.topic, own, Order))

    def member_of(self, nid: str) -> Found[MemberOf | None]:
        """Whose identifier this is."""
        own = key(self._tenant, nid)
        return self._found(MEMBER_MAP.topic, key(self._tenant), lambda: self._one(MEMBER_MAP.topic, own, MemberOf))

    def identifiers(self, member_id: str) -> Found[list[MemberOf]]:
        """The identifiers of a member, by name."""
        decode = decoder(MemberOf)
        return self._found(
            MEMBER_MAP.topic,
            key(self._tenant),
            lambda: [decode(value) for value in self._view.also(MEMBER_MAP.topic, member_id, MOST_IDENTIFIERS)],
        )

    def profiles(self, nids: list[str]) -> Found[list[Profile]]:
        """What each of the identifiers has gathered; those that have nothing are left out."""
        read = [key(self._tenant, nid) for nid in nids]
        return self._found(
            PROFILES.topic,
            read[0] if read else key(self._tenant),
            lambda: [one for own in read if (one := self._one(PROFILES.topic, own, Profile))],
        )

    def stores(self) -> Found[list[Store]]:
        """Every store and warehouse, by name."""
        own, decode = key(self._tenant), decoder(Store)
        prefix = own + SEPARATOR.encode()
        return self._found(
            STORES.topic, own, lambda: [decode(value) for value in self._view.among(STORES.topic, prefix, MOST_STORES)]
        )

    def _one(self, topic: str, own: bytes, kind: type[R]) -> R | None:
        value = self._view.get(topic, own)
        return None if value is None else decoder(kind)(value)

    def _found(self, topic: str, by: bytes, read: Callable[[], T]) -> Found[T]:
        # The age first: the records that follow are at least as new.
        _, held, said = self._follower.freshness(topic)
        if held.complete_at is None:
            raise NotReady(f"The live view is not filled yet. {said}", "Ask again in a moment; see /healthz.")
        place = partition(by, BY_NAME[topic].partitions)
        return Found(read(), held.as_of, Position(topic, place, held.places.get(place, 0)), said)
