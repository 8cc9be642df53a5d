"""What a job is: a name, its inputs, its state, and a pure `step`.

    step(state, events) -> Effects(changes, outputs)

`step` never changes what it is given, asks for no time, and opens nothing: the runtime may call it again with the same events
after a crash, and the same result must come. What needs the outside (keys, look-ups) is done before, in `prepare`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from contracts.wire import Record, decoder
from pipelines.batch.distinct import ById

Headers = Sequence[tuple[str, bytes]]
R = TypeVar("R", bound=Record)


class Run(NamedTuple):
    """Consecutive records of one partition, as fetched: columns, not objects.

    `start` is the offset that was asked for, `next` the offset to ask for afterwards; offsets in between may be missing
    (transaction markers, aborted or compacted records). Times are the broker's, in milliseconds.
    """

    topic: str
    partition: int
    start: int
    next: int
    offsets: Sequence[int]
    keys: Sequence[bytes]
    values: Sequence[bytes]
    times: Sequence[int]
    headers: Sequence[Headers]

    def slices(self, size: int) -> Iterable["Run"]:
        """The same run in pieces of at most `size` records; each piece starts where the last one ended."""
        if len(self.offsets) <= size:
            yield self
            return
        start = self.start
        for i in range(0, len(self.offsets), size):
            j = i + size
            end = self.offsets[j] if j < len(self.offsets) else self.next
            yield Run(self.topic, self.partition, start, end, *(column[i:j] for column in self[4:]))  # type: ignore[arg-type]
            start = end


class Output(NamedTuple):
    """A record for another topic. `by` is the partitioning key, which need not be the key."""

    topic: str
    key: bytes
    by: bytes
    record: Record
    headers: Headers = ()


class Effects(NamedTuple):
    """What a step decided: new absolute values by state key (None deletes), and records to send, in order."""

    changes: Mapping[bytes, Record | None]
    outputs: Sequence[Output] = ()


class Table(msgspec.Struct, frozen=True):
    """The job's state: a compacted topic with as many partitions as the job's input, and the record that it holds."""

    topic: str
    record: type[Record]


class _Known(dict[bytes, R | None]):
    """The values that were read or changed since the restore. `[]` turns to what was stored for the others."""

    __slots__ = ("_decode", "stored")

    def __init__(self, decode: Callable[[bytes], R], stored: dict[bytes, bytes]) -> None:
        super().__init__()
        self._decode = decode
        self.stored = stored

    def __missing__(self, key: bytes) -> R | None:
        stored = self.stored.pop(key, None)
        if stored is None:
            return None
        value = self[key] = self._decode(stored)
        return value


class _Changed(dict[bytes, R | None]):
    """The values that no transaction has taken yet: few, so what moves often is found without a look into millions."""

    __slots__ = ("_known",)

    def __init__(self, known: _Known[R]) -> None:
        super().__init__()
        self._known = known

    def __missing__(self, key: bytes) -> R | None:
        return self._known[key]


class State(Generic[R]):
    """The state of one input partition, as a step may read it. Values stay undecoded until they are first asked for.

    `get(key)` gives the value of `key`, or None. It raises `Corrupt` for a value of a version that this release does not know.
    """

    __slots__ = ("__weakref__", "_changed", "_known", "get")

    get: Callable[[bytes], R | None]

    def __init__(self, decode: Callable[[bytes], R], stored: dict[bytes, bytes]) -> None:
        self._known = _Known(decode, stored)
        self._renew()

    def _renew(self) -> None:
        self._changed = _Changed(self._known)
        # The dictionary's own method: a Python function around it would be called for every event.
        self.get = self._changed.__getitem__

    def keys(self) -> set[bytes]:
        """Every key that has a value. Takes as long as there are keys: for what is rare, in small states."""
        read = {**self._known, **self._changed}
        return {key for key, value in read.items() if value is not None} | (self._known.stored.keys() - read.keys())

    def change(self, changes: Mapping[bytes, R | None]) -> None:
        """For the engine: these are the values now. None stands for a key that is to be deleted."""
        self._changed.update(changes)

    def take(self) -> Mapping[bytes, R | None]:
        """For the engine: what has changed since the last call, to be written by a transaction."""
        taken, known, stored = self._changed, self._known, self._known.stored
        self._renew()
        known.update(taken)
        if stored:
            for key in taken:
                stored.pop(key, None)  # what was changed unread would come back otherwise
        for key in [key for key, value in taken.items() if value is None]:
            del known[key]
        return taken

    def __len__(self) -> int:
        return len(self._known) + len(self._known.stored)


Step = Callable[[Any, Sequence[Any]], Effects]
Prepare = Callable[[Run], Sequence[Any]]
Ready = Callable[[Any], None]


class Gauge(NamedTuple):
    """A metric that a job has of its own: its labels beside `job`, and its meaning in English and Chinese."""

    labels: tuple[str, ...]
    english: str
    chinese: str


class Sample(NamedTuple):
    """A metric's value, for the labels in the order of its `Gauge`."""

    name: str
    labels: tuple[str, ...]
    value: float


class Telling(NamedTuple):
    """Metrics of a job's own: what they are, by name, and their values, counts and never a record's value.

    `read` is called from a thread of Prometheus' whenever somebody asks, while the job goes on: it must take little time, and
    bear that what it reads changes meanwhile.
    """

    gauges: Mapping[str, Gauge]
    read: Callable[[], Iterable[Sample]]


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """`prepare` turns a run into the events that `step` takes; it may block for a while and may be called again.

    With `distinct`, `step` sees each event once, and `late` says where those go that are too old to judge.
    With `tick`, recorded time comes in between the events, when the topic table marks the input; no other time may be used,
    so that a replay acts the same. `tick(state, at)` is given each `at` later than the one before; after a restart the last one
    may come again, and must then change nothing, as what has expired cannot expire again.
    `slow` runs `prepare` on a thread, so that waiting for a disk or a service holds up nobody else.
    `ready(state)` is for what stands beside a state and is made from it: called on a thread with each state that was restored,
    before its first step. It may take long, may be called again with another state of the same partition, and with several at
    once; it must not change the state, and what it makes must go with it.
    `tells` are metrics of the job's own.
    A job with state has one input, because state belongs to a partition of it.
    """

    name: str
    inputs: tuple[str, ...]
    step: Step
    prepare: Prepare
    state: Table | None = None
    distinct: ById | None = None
    late: Callable[[Sequence[Any]], Sequence[Output]] | None = None
    tick: Callable[[Any, str], Effects] | None = None
    slow: bool = False
    ready: Ready | None = None
    tells: Telling | None = None

    def __post_init__(self) -> None:
        if (self.state or self.distinct) and len(self.inputs) != 1:
            raise ValueError(f"job {self.name} has state, so it must have one input")
        if self.distinct and self.late is None:
            raise ValueError(f"job {self.name} tells records apart by id, so it must say where late ones go")

    @property
    def group(self) -> str:
        """The consumer group: one for each job, so that offsets survive any regrouping of jobs into workers."""
        return f"zhongtai.{self.name}"


def decoded(record: type[Record]) -> Prepare:
    """The usual `prepare`: decode each value as `record`. An unknown version raises `Corrupt` and ends the worker."""
    decode = decoder(record)
    return lambda run: [decode(value) for value in run.values]
