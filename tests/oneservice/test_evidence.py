"""The reader of evidence on a real broker: what is new is read once, removals too, and a long first reading in portions."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from confluent_kafka import Producer

from connectors.settings import Settings
from contracts.errors import NotReady
from contracts.evidence import IdentityFact
from contracts.keys import key
from contracts.wire import encode
from oneid.rules import parse
from oneservice.live import evidence
from oneservice.live.evidence import TOPIC, EvidenceReader
from oneservice.live.surroundings import Around, Reading

pytestmark = pytest.mark.kafka
RULES = parse((files("oneid") / "rules.yml").read_text("utf-8"), "oneid/rules.yml")
CARD, DEVICE, PHONE = "card:" + "a" * 32, "device:" + "b" * 32, "phone:" + "c" * 32
IDENTIFIER = IdentityFact(kind="identifier", first=1_790_000_000)
PAIR = IdentityFact(kind="pair", cls=3, first=1_790_000_000, days=(20_000,), last=20_000)


class Resolver:
    """Writes facts as the job does, in transactions."""

    def __init__(self, settings: Settings, tenant: str) -> None:
        self._tenant = tenant
        self._producer = Producer(settings.librdkafka() | {"transactional.id": f"facts.{tenant}"})
        self._producer.init_transactions(30)

    def write(self, facts: dict[tuple[str, ...], IdentityFact | None], *, commit: bool = True) -> None:
        self._producer.begin_transaction()
        for about, fact in facts.items():
            self._producer.produce(TOPIC, fact and encode(fact), key(self._tenant, *about), 1)
        self._producer.flush(30)
        if commit:
            self._producer.commit_transaction(30)
        else:
            self._producer.abort_transaction(30)


@pytest.fixture
def resolver(kafka_broker: Settings, tenant: str) -> Resolver:
    made = Resolver(kafka_broker, tenant)
    made.write({("i", CARD): IDENTIFIER, ("i", DEVICE): IDENTIFIER, ("p", CARD, DEVICE): PAIR})
    return made


@pytest.fixture
def reader(kafka_broker: Settings, tenant: str, tmp_path: Path) -> Iterator[EvidenceReader]:
    made = EvidenceReader(Settings(home=tmp_path, kafka=kafka_broker.kafka, tenant=tenant), RULES)
    yield made
    made.close()


def ends(found: Around | Reading) -> set[tuple[str, str]]:
    assert isinstance(found, Around)
    return {one.edge[:2] for one in found.decisions}


def test_a_later_question_reads_only_what_is_new(resolver: Resolver, reader: EvidenceReader) -> None:
    assert ends(reader.around([CARD])) == {(CARD, DEVICE)}
    store = reader._store
    assert store is not None
    places = dict(store.places)
    resolver.write({("i", PHONE): IDENTIFIER, ("p", CARD, PHONE): PAIR})
    resolver.write({("p", CARD, "phone:" + "9" * 32): PAIR}, commit=False)
    taken: list[int] = []
    apply = store.apply

    def counted(partition: int, changes: list[tuple[bytes, bytes | None]], next: int) -> None:
        taken.append(len(changes))
        apply(partition, changes, next)

    store.apply = counted  # type: ignore[assignment, method-assign]
    assert ends(reader.around([CARD])) == {(CARD, DEVICE), (CARD, PHONE)}
    assert (sum(taken), store.places[1] > places[1]) == (2, True)
    resolver.write({("p", CARD, DEVICE): None, ("i", DEVICE): None})
    assert ends(reader.around([CARD])) == {(CARD, PHONE)}


def test_a_long_reading_says_how_far_it_is_and_goes_on(
    resolver: Resolver, reader: EvidenceReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "BUDGET_S", 0.0)
    first = reader.around([CARD])
    assert isinstance(first, Reading)
    assert 0 <= first.read <= first.total
    monkeypatch.undo()
    assert ends(reader.around([CARD])) == {(CARD, DEVICE)}


def test_what_was_dropped_is_read_again(resolver: Resolver, reader: EvidenceReader, tmp_path: Path) -> None:
    before = ends(reader.around([CARD]))
    assert list((tmp_path / "service").iterdir()) == []  # nothing of it can be found on the disk
    reader.close()
    assert ends(reader.around([CARD])) == before


def test_a_broker_that_is_silent_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oneservice.live.broker.ASK_S", 0.5)
    with pytest.raises(NotReady):
        EvidenceReader(Settings(home=tmp_path, kafka="127.0.0.1:1"), RULES).around([CARD])
