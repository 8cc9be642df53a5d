"""Stewards' rulings on their way: written to `event.ruling` together or not at all, with who said so and why."""

import time
from collections.abc import Iterable, Sequence
from hashlib import sha256
from uuid import uuid4

from confluent_kafka import KafkaException, Producer

from connectors import kafka
from connectors.clock import SystemClock
from connectors.settings import Settings
from contracts.errors import NotReady
from contracts.evidence import Ruling, RulingKind, shard
from contracts.instants import spelt
from contracts.keys import key, partition
from contracts.topics import BY_NAME
from contracts.wire import decoder, encode, headers

TOPIC = "event.ruling"
TIMEOUT_S = 30.0
_read = decoder(Ruling)


class Steward:
    """Who rules, and why. Each ruling of one steward outranks those before it."""

    def __init__(self, settings: Settings, by: str, reason: str) -> None:
        self._settings, self._by, self._reason = settings, by, reason
        self._at = SystemClock().now()
        self._seq = time.time_ns() // 1_000_000

    def forbids(self, a: str, b: str) -> Ruling:
        """The two are not one person."""
        return self._ruling(pair_id("cannot_link", a, b), "cannot_link", a, b)

    def joins(self, a: str, b: str) -> Ruling:
        """The two are one person."""
        return self._ruling(pair_id("must_link", a, b), "must_link", a, b)

    def takes_back(self, ruling: Ruling) -> Ruling:
        return self._ruling(ruling.id, ruling.kind, ruling.a, ruling.b, stands=False)

    def erases(self, nid: str) -> Ruling:
        return self._ruling(f"erase|{nid}", "erase", nid)

    def applies(self, rules: str) -> Ruling:
        """The text of a rule file. There is one in force."""
        return self._ruling("rules", "rules", text=rules)

    def _ruling(
        self, id: str, kind: RulingKind, a: str = "", b: str = "", *, stands: bool = True, text: str = ""
    ) -> Ruling:
        return Ruling(
            tenant=self._settings.tenant,
            id=id,
            seq=self._seq,
            kind=kind,
            at=spelt(self._at),
            a=a,
            b=b,
            stands=stands,
            text=text,
            by=self._by,
            reason=self._reason,
        )


def pair_id(kind: RulingKind, a: str, b: str) -> str:
    """The id of a ruling on a pair. It does not tell the two: it stays when one of them is erased."""
    return f"{kind}|{sha256(f'{min(a, b)}|{max(a, b)}'.encode()).hexdigest()[:32]}"


def send(settings: Settings, rulings: Sequence[Ruling]) -> None:
    """Writes them in one transaction, so that nobody ever sees a part.

    Raises `NotReady` when it is not certain that they were written: then write them again, which is harmless.
    """
    to = partition(shard(settings.tenant), BY_NAME[TOPIC].partitions)
    producer = Producer(
        settings.librdkafka()
        | {
            "transactional.id": f"zhongtai.rulings.{uuid4()}",
            "transaction.timeout.ms": 30_000,
            "allow.auto.create.topics": False,
        }
    )
    try:
        producer.init_transactions(TIMEOUT_S)
        producer.begin_transaction()
        for said in rulings:
            about = headers(Ruling, said.id, "/cli/member", said.at)
            producer.produce(TOPIC, encode(said), key(said.tenant, said.id, said.seq), to, headers=list(about))
        producer.commit_transaction(TIMEOUT_S)
    except KafkaException as error:
        raise NotReady(f"Kafka did not take the ruling: {error.args[0].name()}.", "See: zhongtai status") from None


def standing(settings: Settings) -> dict[str, Ruling]:
    """The rulings of this tenant that stand, by id: of each the one with the highest sequence."""
    newest: dict[str, Ruling] = {}
    for said in _all(settings):
        old = newest.get(said.id)
        if old is None or (said.seq, encode(said)) > (old.seq, encode(old)):
            newest[said.id] = said
    return {id: said for id, said in newest.items() if said.stands}


def _all(settings: Settings) -> Iterable[Ruling]:
    mine = key(settings.tenant, "")
    for _, messages, _ in kafka.read(settings, TOPIC):
        for message in messages:
            value = message.value()
            if value is not None and (message.key() or b"").startswith(mine):
                yield _read(value)
