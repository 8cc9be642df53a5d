"""The thread that keeps the view: it reads the state topics up to what is decided, and shows how far that reaches.

When Kafka is silent it tries again, for ever; meanwhile the view answers, and its age grows. Nothing here stops the service.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import NamedTuple, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from connectors import kafka, processes
from connectors.settings import Settings
from contracts.clock import Clock
from contracts.errors import NotReady
from contracts.keys import SEPARATOR
from contracts.topics import BY_NAME
from oneservice.live.broker import Broker
from oneservice.live.chase import Chase, Look, Place, Road, advance
from oneservice.live.roads import Followed
from oneservice.live.view import Change, Held, Run, View

log = logging.getLogger(__name__)

CHUNK = 5_000
# What comes so soon after a record is written to the view with it; the longer one is for when very much comes.
GATHER_S, GATHER_MUCH_S = 0.005, 0.1
MUCH = 500
LOOK_S = 0.5
IDENTITY_S = 10.0
AGAIN_S = 1.0
QUIET = timedelta(seconds=5)
# Kafka forgets a removal after a day (`delete.retention.ms`); a view that was away for longer would keep the removed key.
AWAY = timedelta(hours=12)
SILENT = "Kafka does not answer. See: zhongtai status"


class Freshness(NamedTuple):
    """How far live answers about a topic reach, and why no further ("" while everything runs)."""

    topic: str
    held: Held
    said: str


class Follower:
    """Follows topics into a view, on a thread of its own between `start` and `close`.

    Of several processes with one view, one follows; another takes its place when it ends.
    """

    def __init__(self, settings: Settings, view: View, followed: Sequence[Followed], clock: Clock) -> None:
        self._settings = settings
        self._view = view
        self._followed = {one.topic: one for one in followed}
        self._clock = clock
        self._prefix = f"{settings.tenant}{SEPARATOR}".encode()
        self._chases: dict[str, Chase | None] = {}
        self._said: dict[str, str] = dict.fromkeys(self._followed, "The service has just begun to follow the topic.")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live-view", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(30)

    def freshness(self, topic: str) -> Freshness:
        held = self._view.held(topic)
        # While everything runs, each chase waits a moment for each job: that is no news.
        fresh = held.as_of is not None and self._clock.now() - held.as_of < QUIET
        return Freshness(topic, held, "" if fresh else self._said[topic])

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                # Two that write would put older records over newer ones.
                with processes.lock(self._view.path.with_name("live.lock")):
                    self._follow()
            except processes.Held:
                self._say(self._followed, "Another service of this home keeps the live view, and is not up to date.")
            except (KafkaException, TimeoutError):
                self._say(self._followed, SILENT)
            except NotReady as error:
                self._say(self._followed, f"{error.wrong} {error.do}")
            except sqlite3.DatabaseError as error:
                self._damaged(error)
            except Exception:
                # Whatever it is: who asks is told, the log knows, and the service goes on.
                log.exception("following the state topics failed")
                self._say(self._followed, "Following the topic failed; the service's log says why.")
            self._stop.wait(AGAIN_S)

    def _damaged(self, error: sqlite3.DatabaseError) -> None:
        log.error("the live view cannot be used: %s", error)
        self._say(self._followed, "The live view could not be written; the service's log says why.")
        if not isinstance(error, sqlite3.OperationalError):
            self._view.renew()

    def _follow(self) -> None:
        """Reads from where the view stands, until told to stop or a topic has become another one."""
        broker, consumer = Broker(self._settings), kafka.reader(self._settings)
        # Kafka answers a look when open transactions are over, which takes longer than a record may wait: so it has a thread.
        looker = ThreadPoolExecutor(1, "live-look")
        try:
            identities = broker.identities(self._followed)
            held = self._begin(consumer, identities)
            looked = checked = time.monotonic()
            looking: Future[tuple[Look, bool]] | None = None
            came = 0
            while not self._stop.is_set():
                messages = _gathered(consumer, GATHER_S if came < MUCH else GATHER_MUCH_S)
                came = len(messages)
                self._take(messages, held)
                if looking is None and time.monotonic() - looked >= LOOK_S:
                    check = time.monotonic() - checked >= IDENTITY_S
                    checked = time.monotonic() if check else checked
                    looking = looker.submit(self._look, broker, identities, dict(held), check)
                elif looking is not None and looking.done():
                    look, same = looking.result()
                    if not same:
                        return
                    self._advance(look, identities, held)
                    looked, looking = time.monotonic(), None
        finally:
            looker.shutdown()
            consumer.close()
            broker.close()

    def _begin(self, consumer: Consumer, identities: Mapping[str, str]) -> dict[Place, int]:
        self._chases.clear()
        held: dict[Place, int] = {}
        for topic in self._followed:
            if topic not in identities:
                self._say([topic], f"The topic {topic} does not exist. Create it: zhongtai topics apply")
                continue
            complete_at = self._view.held(topic).complete_at
            if complete_at and self._clock.now() - complete_at > AWAY:
                self._view.forget(topic)
            places = self._view.begin(topic, identities[topic])
            held |= {(topic, p): places.get(p, 0) for p in range(BY_NAME[topic].partitions)}
        consumer.assign([TopicPartition(topic, p, at) for (topic, p), at in held.items()])
        return held

    def _take(self, messages: Sequence[Message], held: dict[Place, int]) -> None:
        changes: dict[Place, list[Change]] = {}
        moved: dict[Place, int] = {}
        for message in messages:
            place = (cast(str, message.topic()), cast(int, message.partition()))
            error, offset = message.error(), cast(int, message.offset())
            if error is None:
                moved[place] = offset + 1
                key = message.key()
                if key is not None and key.startswith(self._prefix):
                    changes.setdefault(place, []).append(self._change(place[0], key, message))
            elif error.code() == KafkaError._PARTITION_EOF:
                moved[place] = max(offset, moved.get(place, 0))
            elif not error.retriable():
                raise KafkaException(error)
        fresh = {place: at for place, at in moved.items() if at != held[place]}
        if fresh:
            self._view.apply([Run(topic, p, changes.get((topic, p), ()), at) for (topic, p), at in fresh.items()])
            held |= fresh

    def _change(self, topic: str, key: bytes, message: Message) -> Change:
        value, also = message.value(), self._followed[topic].also
        return Change(key, value, message.timestamp()[1], also(value) if also and value is not None else None)

    def _look(
        self, broker: Broker, identities: Mapping[str, str], held: Mapping[Place, int], check: bool
    ) -> tuple[Look, bool]:
        """What is there to be seen, and whether the topics still are the same, where that is to be checked."""
        at = self._clock.now()
        inputs = {stage.group: stage.inputs for road in self._roads(identities) for step in road for stage in step}
        topics = {name for names in inputs.values() for name in names} | (self._followed.keys() & identities.keys())
        look = broker.look(at, inputs, topics, held)
        return look, not check or broker.identities(self._followed) == identities

    def _roads(self, identities: Mapping[str, str]) -> list[Road]:
        return [one.road for topic, one in self._followed.items() if topic in identities]

    def _advance(self, look: Look, identities: Mapping[str, str], held: Mapping[Place, int]) -> None:
        """Takes a look into account; meanwhile the view has gone on."""
        for topic, one in self._followed.items():
            if topic not in identities:
                continue
            whole = all(held[place] >= end for place, end in look.ends.items() if place[0] == topic)
            if whole:
                self._view.complete(topic, look.at)
            told = advance(self._chases.get(topic), look._replace(held=held), one.road, topic)
            self._chases[topic] = told.chase
            if told.as_of:
                self._view.shown(topic, told.as_of)
            self._said[topic] = told.waits

    def _say(self, topics: Iterable[str], words: str) -> None:
        for topic in topics:
            self._said[topic] = words


def _gathered(consumer: Consumer, patience_s: float) -> list[Message]:
    """What has come, as soon as something has; after a tenth of a second nothing."""
    first = consumer.consume(1, timeout=0.1)
    return [*first, *consumer.consume(CHUNK, timeout=patience_s)] if first else []
