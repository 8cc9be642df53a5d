"""The two jobs that watch outboxes: headers of raw records become arrivals, arrivals become what is known of each outbox."""

from contracts.edges import Edge, EdgeArrival
from contracts.keys import key
from contracts.wire import decoder, encode
from pipelines.batch import Run, State
from pipelines.jobs import event_edge_arrival_to_state_edge as keep
from pipelines.jobs import raw_feeds_to_event_edge_arrival as note

Header = list[tuple[str, bytes]]


def run_of(*headers: Header, topic: str = "raw.pos", start: int = 100) -> Run:
    n = len(headers)
    offsets = list(range(start, start + n))
    keys, values = [b"demo|S001"] * n, [b"x"] * n
    return Run(topic, 2, start, start + n, offsets, keys, values, [1_763_778_600_000] * n, list(headers))


def sent(seq: int) -> Header:
    return [("zt_format", b"receipts-jsonl"), ("zt_edge", b"S001|17-ab|payments|%d" % seq)]


def test_a_run_becomes_one_arrival_and_the_same_run_the_same_key() -> None:
    run = run_of(sent(1), [], sent(2), [("zt_file", b"day.jsonl")], sent(4))
    first, again = (note.step(None, note.prepare(run)).outputs for _ in range(2))
    assert first == again
    (output,) = first
    assert isinstance(output.record, EdgeArrival)
    assert (output.key, output.by) == (b"demo|raw.pos|2|100|0", b"demo|S001")
    assert (output.record.ranges, output.record.records, output.record.says) == (((1, 2), (4, 4)), 3, "sent")
    assert output.record.arrived_at == "2025-11-22T02:30:00Z"


def test_records_of_no_outbox_are_passed_over() -> None:
    assert note.prepare(run_of([], [("zt_file", b"x")])) == []
    assert note.step(None, note.prepare(run_of([("zt_edge", b"nonsense")]))).outputs == []


def test_every_topic_that_an_outbox_sends_to_is_watched() -> None:
    from zhongtai_edge.records import DECLARATIONS, LANES

    assert set(note.INPUTS) == {DECLARATIONS, *(lane.topic for lane in LANES)}


def test_arrivals_of_all_topics_make_one_state_and_restored_state_goes_on() -> None:
    declared = [("zt_edge", b"S001|17-ab|payments|3-3"), ("zt_edge_says", b"lost")]
    runs = (run_of(sent(1), sent(2), sent(5)), run_of(declared, topic="raw.edge"), run_of(sent(4), sent(5), start=200))
    values: dict[bytes, Edge | bytes] = {}
    for run in runs:
        arrivals = [decoder(EdgeArrival)(encode(o.record)) for o in note.step(None, note.prepare(run)).outputs]
        effects = keep.step(State(decoder(Edge), values), arrivals)
        assert effects.outputs == ()
        values |= {k: encode(edge) for k, edge in effects.changes.items()}  # as a restart finds it
    ((k, value),) = values.items()
    assert k == key("demo", "S001", "17-ab", "payments")
    edge = decoder(Edge)(value)  # type: ignore[arg-type]
    assert (edge.last, edge.gaps, edge.lost, edge.records, edge.repeats) == (5, (), ((3, 3),), 5, 1)
