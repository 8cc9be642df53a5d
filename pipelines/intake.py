"""What every first job shares: what a raw record carries, the keys of its tenant, and its dead letters.

A first job reads `raw.<feed>`. What it takes becomes events; what it refuses goes to `dlq.<feed>`, encrypted; what repairs
a dead letter says so beside it.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import NamedTuple, TypeVar

from connectors.clock import SystemClock
from connectors.feed_cipher import FeedCipher
from connectors.feeds import source
from connectors.keystore import Keystore
from connectors.reference import load_products
from connectors.settings import Settings
from connectors.tokens import Shown, Tokeniser
from contracts.dead_letters import DeadLetter
from contracts.instants import spelt
from contracts.keys import SEPARATOR, key
from contracts.products import Products
from contracts.receipts import Origin, Token
from contracts.refusals import Refused
from contracts.wire import headers
from oneid.identifiers import nid, normalise
from oneid.names import name_tokens
from pipelines.batch import Output, Run

_SEPARATOR = SEPARATOR.encode()
S = TypeVar("S", bound=Shown)
T = TypeVar("T")


class Raw(NamedTuple):
    """A raw record: its bytes, its headers as text, when the broker took it, and where it stands."""

    value: bytes
    headers: dict[str, str]
    at: str
    origin: Origin

    @property
    def format(self) -> str:
        return self.headers.get("zt_format", "")


class Desk:
    """One tenant at a first job: its keys, its tokens, and the words for what is refused."""

    def __init__(self, tenant: str, feed: str, settings: Settings, keystore: Keystore) -> None:
        self.tenant = tenant
        self._feed = feed
        self._cipher = FeedCipher(keystore, tenant, feed)
        self.tokeniser = Tokeniser(keystore, tenant, settings.phone_region, normalise=normalise, nid=nid)
        self._key = keystore.tenant_key(tenant)

    def tokens(self, shown: Iterable[S]) -> dict[S, Token]:
        """The token of every identifier that can be read; their keys are durable when this returns."""
        return {s: token for s, token in self.tokeniser.tokens(shown).items() if token is not None}

    def name_tokens(self, name: str) -> str:
        """What may be kept of a person's name; "" for what is none."""
        return (name_tokens(name, self._key) or "") if name else ""

    def refuse(self, raw: Raw, refused: Refused) -> DeadLetter:
        id_ = self._cipher.id(raw.value)
        return DeadLetter(
            tenant=self.tenant,
            feed=self._feed,
            id=id_,
            status="refused",
            code=refused.code,
            place=refused.place,
            cipher=self._cipher.encrypt(id_, raw.value),
            refused_at=raw.at,
            origin=raw.origin,
            format=raw.format,
        )

    def repaired(self, raw: Raw, by: str) -> DeadLetter | None:
        """What stands beside the dead letter that a record of id `by` repairs, if it says that it repairs one."""
        repairs = raw.headers.get("zt_repairs")
        if repairs is None:
            return None
        return DeadLetter(
            tenant=self.tenant,
            feed=self._feed,
            id=repairs,
            status="repaired",
            code="",
            place="",
            cipher="",
            refused_at=raw.at,
            origin=raw.origin,
            repaired_by=by,
            format=raw.format,
        )


class Intake:
    """The outside of a first job: loads keys and products once, when they are first asked for."""

    def __init__(self, feed: str, settings: Settings) -> None:
        self._feed = feed
        self._settings = settings
        self._desks: dict[str, Desk] = {}

    @cached_property
    def products(self) -> Products:
        return load_products(self._settings)

    @cached_property
    def _keystore(self) -> Keystore:
        return Keystore(self._settings.home, SystemClock())

    def records(self, run: Run) -> Iterator[tuple[Desk, Raw]]:
        """Every record of the run in its order, with the desk of its tenant."""
        for i, k in enumerate(run.keys):
            yield self._desk(k.split(_SEPARATOR, 1)[0].decode(errors="replace")), _raw(run, i)

    def _desk(self, tenant: str) -> Desk:
        if tenant not in self._desks:
            self._desks[tenant] = Desk(tenant, self._feed, self._settings, self._keystore)
        return self._desks[tenant]


def by_desk(records: Iterable[tuple[Desk, T]]) -> dict[Desk, list[T]]:
    """What each desk has of them, in their order: what a desk does for many at once is cheaper than one by one."""
    found: dict[Desk, list[T]] = {}
    for desk, one in records:
        found.setdefault(desk, []).append(one)
    return found


def _raw(run: Run, i: int) -> Raw:
    """The record at place `i` of a run."""
    fields = {name: str(value, "utf-8", "replace") for name, value in run.headers[i]}
    line = fields.get("zt_line", "")
    origin = Origin(
        run.topic, run.partition, run.offsets[i], fields.get("zt_file", ""), int(line) if line.isdecimal() else 0
    )
    return Raw(run.values[i], fields, _moment(run.times[i]), origin)


@lru_cache(maxsize=64)  # the broker takes many records at one moment
def _moment(ms: int) -> str:
    return spelt(datetime.fromtimestamp(ms / 1000, UTC))


def dead(letter: DeadLetter) -> Output:
    """A dead letter on its way. A repair stands beside the refusal, under a key of its own, so that compaction keeps both."""
    by = key(letter.tenant, letter.id)
    own = by if letter.status == "refused" else key(letter.tenant, letter.id, letter.status)
    about = headers(DeadLetter, letter.id, source(letter.feed), letter.refused_at)
    return Output(f"dlq.{letter.feed}", own, by, letter, about)
