"""Kafka's logs and transactions, as far as read_committed and exactly-once see them.

Modelled: offsets taken by markers, several open transactions in a partition, the last stable offset, epochs of transactional
ids, commits that are decided before their markers are written, transaction timeouts, compaction.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import NamedTuple

from tests.chaos.sim.group import Group
from tests.chaos.sim.loop import Network, VirtualLoop

TP = tuple[str, int]


class Refused(Exception):
    """The broker refused a request; the producer may abort and go on. `code` is Kafka's name of the reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Fatal(Exception):
    """The client cannot go on with this producer, or this place in the group: the process has to end."""


class Transaction:
    """One transaction of one producer. `outcome` is decided first; the markers reach each partition later, apart."""

    def __init__(self, tid: str, epoch: int) -> None:
        self.tid = tid
        self.epoch = epoch
        self.outcome: bool | None = None
        self.logs: set[Log] = set()
        self.offsets: dict[str, dict[TP, int]] = {}
        self.unmarked = 0


class Entry(NamedTuple):
    """A record, or the end marker of a transaction. `transaction` is None for plain records."""

    key: bytes
    value: bytes | None
    transaction: Transaction | None = None
    marker: bool = False

    def visible(self) -> bool:
        """To a read_committed reader, given that it lies below the last stable offset."""
        return not self.marker and (self.transaction is None or bool(self.transaction.outcome))


class Fetched(NamedTuple):
    """What a fetch brought: `next` is the position behind everything examined, markers and aborted records included."""

    start: int
    next: int
    offsets: list[int]
    entries: list[Entry]


class Log:
    """A partition."""

    def __init__(self, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.entries: list[Entry | None] = []  # None: compacted away
        self.open: dict[Transaction, int] = {}
        self.shown = 0  # up to here the observer has seen
        self.waiting: list[asyncio.Future[None]] = []  # in order: a set of them has the order of their addresses

    @property
    def high(self) -> int:
        return len(self.entries)

    @property
    def stable(self) -> int:
        return min(self.open.values()) if self.open else len(self.entries)

    def read(self, start: int, limit: int, end: int | None = None) -> Fetched:
        """Up to `limit` entries, aborted and compacted ones included, below the last stable offset (or `end`)."""
        stop = min(self.stable if end is None else end, start + limit)
        found = [(i, e) for i in range(start, stop) if (e := self.entries[i]) is not None and e.visible()]
        return Fetched(start, max(start, stop), [i for i, _ in found], [e for _, e in found])

    def compact(self) -> None:
        """Keep the last visible record of each key below the last stable offset. Offsets stay."""
        last: dict[bytes, int] = {}
        for i in range(self.stable):
            entry = self.entries[i]
            if entry is not None and entry.visible():
                last[entry.key] = i
        kept = set(last.values())
        for i in range(self.stable):
            entry = self.entries[i]
            if entry is not None and not entry.marker and i not in kept:
                self.entries[i] = None


class Producer:
    """A transactional id: its epoch, and its transaction until all markers are written."""

    def __init__(self) -> None:
        self.epoch = -1
        self.transaction: Transaction | None = None
        self.settled: list[asyncio.Future[None]] = []


class Broker:
    """Requests are plain calls; those that Kafka answers later return a future. `observe` sees what becomes stable."""

    def __init__(
        self,
        loop: VirtualLoop,
        network: Network,
        topics: dict[str, int],
        observe: Callable[[str, int, int, Entry], None],
        marker_delay: Callable[[str], float],
        transaction_timeout_s: float,
    ) -> None:
        self.loop = loop
        self.network = network
        self.logs = {(t, p): Log(t, p) for t, count in topics.items() for p in range(count)}
        self.counts = topics
        self.groups: dict[str, Group] = {}
        self.hiccups = 0  # so many requests of transactions are refused
        self.lost_replies = 0  # so many commits succeed without the producer's learning of it
        self._observe = observe
        self._marker_delay = marker_delay
        self._timeout_s = transaction_timeout_s
        self._producers: dict[str, Producer] = {}

    # -- plain records and reading -------------------------------------------------------------------------------------

    def append(self, tp: TP, entry: Entry) -> int:
        log = self.logs[tp]
        if entry.transaction is not None and not entry.marker:
            log.open.setdefault(entry.transaction, log.high)
            entry.transaction.logs.add(log)
        log.entries.append(entry)
        self._show(log)
        return log.high - 1

    def append_plain(self, tp: TP, key: bytes, value: bytes | None) -> int:
        return self.append(tp, Entry(key, value))

    def _show(self, log: Log) -> None:
        stable = log.stable
        for offset in range(log.shown, stable):
            entry = log.entries[offset]
            if entry is not None and entry.visible():
                self._observe(log.topic, log.partition, offset, entry)
        log.shown = stable
        waiting, log.waiting = log.waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)

    def fetch(
        self, positions: dict[TP, int], limits: dict[TP, int], wait_s: float
    ) -> "asyncio.Future[dict[TP, Fetched]]":
        """A read_committed long poll: answered when there is something to read, or after `wait_s`."""
        return self.loop.create_task(self._fetch(positions, limits, wait_s), context=self.network.context)

    async def _fetch(self, positions: dict[TP, int], limits: dict[TP, int], wait_s: float) -> dict[TP, Fetched]:
        logs = [(tp, self.logs[tp], at) for tp, at in positions.items()]
        if not any(log.stable > at for _, log, at in logs):
            waiter = self.loop.create_future()
            for _, log, _ in logs:
                log.waiting.append(waiter)
            timer = self.loop.call_later(wait_s, _wake, waiter)
            await waiter
            timer.cancel()
        return {tp: log.read(at, limits[tp]) for tp, log, at in logs if log.stable > at}

    # -- transactions --------------------------------------------------------------------------------------------------

    def init(self, tid: str) -> "asyncio.Future[int]":
        """Fence every earlier producer of `tid`, abort what it left open, and wait until that is settled."""
        producer = self._producers.setdefault(tid, Producer())
        self._fence(producer)
        return self._after_settled(producer, producer.epoch, lambda: producer.epoch)

    def begin(self, tid: str, epoch: int) -> "asyncio.Future[Transaction]":
        """The first request of a transaction: waits until the markers of the last one are written."""
        producer = self._current(tid, epoch)

        def start() -> Transaction:
            transaction = producer.transaction = Transaction(tid, epoch)
            self.loop.call_later(self._timeout_s, self._expire, producer, transaction)
            return transaction

        return self._after_settled(producer, epoch, start)

    def produce(self, transaction: Transaction, records: Iterable[tuple[TP, bytes, bytes | None]]) -> None:
        self._ongoing(transaction)
        for tp, key, value in records:
            self.append(tp, Entry(key, value, transaction))

    def add_offsets(
        self, transaction: Transaction, group: str, offsets: dict[TP, int], fence: tuple[int, str, str | None]
    ) -> None:
        """TxnOffsetCommit: refused unless the group knows `fence`; pending until the transaction is settled."""
        self._ongoing(transaction)
        refusal = self.groups[group].refusal(*fence)
        if refusal:
            raise Refused(refusal)
        transaction.offsets.setdefault(group, {}).update(offsets)
        self.groups[group].pend(transaction, offsets)

    def end(self, transaction: Transaction, commit: bool) -> None:
        """Decide. Answered at once, as Kafka does: the markers are written afterwards."""
        self._ongoing(transaction)
        self._decide(transaction, commit)
        if commit and self.lost_replies:
            self.lost_replies -= 1
            raise Fatal("the reply to a commit is lost: the client cannot know what became of it")

    def _decide(self, transaction: Transaction, commit: bool) -> None:
        transaction.outcome = commit
        logs = sorted(transaction.logs, key=lambda log: (log.topic, log.partition))
        transaction.unmarked = len(logs) + len(transaction.offsets) + 1
        for log in logs:
            self.loop.call_later(self._marker_delay(log.topic), self._mark, transaction, log)
        for group in transaction.offsets:
            self.loop.call_later(self._marker_delay("__consumer_offsets"), self._mark_offsets, transaction, group)
        self._marked(transaction)

    def _mark(self, transaction: Transaction, log: Log) -> None:
        del log.open[transaction]
        self.append((log.topic, log.partition), Entry(b"", None, transaction, marker=True))
        self._marked(transaction)

    def _mark_offsets(self, transaction: Transaction, group: str) -> None:
        self.groups[group].settle(transaction, transaction.offsets[group] if transaction.outcome else {})
        self._marked(transaction)

    def _marked(self, transaction: Transaction) -> None:
        transaction.unmarked -= 1
        if transaction.unmarked:
            return
        producer = self._producers[transaction.tid]
        producer.transaction = None
        settled, producer.settled = producer.settled, []
        for waiter in settled:
            waiter.set_result(None)

    def _expire(self, producer: Producer, transaction: Transaction) -> None:
        if transaction.outcome is None:
            self._fence(producer)

    def _fence(self, producer: Producer) -> None:
        producer.epoch += 1
        if producer.transaction is not None and producer.transaction.outcome is None:
            self._decide(producer.transaction, commit=False)

    def _current(self, tid: str, epoch: int) -> Producer:
        producer = self._producers[tid]
        if producer.epoch != epoch:
            raise Fatal("PRODUCER_FENCED")
        return producer

    def _ongoing(self, transaction: Transaction) -> None:
        self._current(transaction.tid, transaction.epoch)
        if transaction.outcome is not None:
            raise Fatal("INVALID_TXN_STATE")
        if self.hiccups:
            self.hiccups -= 1
            raise Refused("COORDINATOR_LOAD_IN_PROGRESS")

    def _after_settled(self, producer: Producer, epoch: int, then: Callable[[], object]) -> "asyncio.Future[object]":
        return self.loop.create_task(self._settle(producer, epoch, then), context=self.network.context)

    async def _settle(self, producer: Producer, epoch: int, then: Callable[[], object]) -> object:
        while producer.transaction is not None:
            waiter = self.loop.create_future()
            producer.settled.append(waiter)
            await waiter
        if producer.epoch != epoch:
            raise Fatal("PRODUCER_FENCED")
        return then()

    def open_transactions(self) -> bool:
        return any(p.transaction is not None for p in self._producers.values())


def _wake(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)
