"""What every first job shares: what a raw record carries, the keys of its tenant, and its dead letters.

A first job reads `raw.<feed>`. What it takes becomes events; what it refuses goes to `dlq.<feed>`, encrypted; what repairs
a dead letter says so beside it.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cached_property
from typing import NamedTuple

from connectors.clock import SystemClock
from connectors.feed_cipher import FeedCipher
from connectors.feeds import source
from connectors.keystore import Keystore
from connectors.reference import load_products
from connectors.settings import Settings
from connectors.tokens import Tokeniser
from contracts.dead_letters import DeadLetter
from contracts.instants import spelt
from contracts.keys import SEPARATOR, key
from contracts.products import Products
from contracts.receipts import Origin
from contracts.refusals import Refused
from contracts.wire import headers
from oneid.identifiers import nid, normalise
from pipelines.batch import Output, Run


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

    def __init__(self, feed: str, settings: Settings, open_keystore: Callable[[], Keystore] | None = None) -> None:
        self._feed = feed
        self._settings = settings
        self._open_keystore = open_keystore or (lambda: Keystore(settings.home, SystemClock()))
        self._desks: dict[str, Desk] = {}

    @cached_property
    def products(self) -> Products:
        return load_products(self._settings)

    @cached_property
    def _keystore(self) -> Keystore:
        return self._open_keystore()

    def desks(self, run: Run) -> Iterator[tuple[Desk, list[int]]]:
        """The places in the run of each tenant's records."""
        places: dict[str, list[int]] = {}
        for i, k in enumerate(run.keys):
            places.setdefault(k.decode(errors="replace").split(SEPARATOR, 1)[0], []).append(i)
        for tenant, mine in places.items():
            if tenant not in self._desks:
                self._desks[tenant] = Desk(tenant, self._feed, self._settings, self._keystore)
            yield self._desks[tenant], mine


def raw(run: Run, i: int) -> Raw:
    """The record at place `i` of a run."""
    fields = {name: value.decode(errors="replace") for name, value in run.headers[i]}
    line = fields.get("zt_line", "")
    origin = Origin(
        run.topic, run.partition, run.offsets[i], fields.get("zt_file", ""), int(line) if line.isdecimal() else 0
    )
    return Raw(run.values[i], fields, spelt(datetime.fromtimestamp(run.times[i] / 1000, UTC)), origin)


def dead(letter: DeadLetter) -> Output:
    """A dead letter on its way. A repair stands beside the refusal, under a key of its own, so that compaction keeps both."""
    by = key(letter.tenant, letter.id)
    own = by if letter.status == "refused" else key(letter.tenant, letter.id, letter.status)
    about = headers(DeadLetter, letter.id, source(letter.feed), letter.refused_at)
    return Output(f"dlq.{letter.feed}", own, by, letter, about)
