"""What comes out of the lake is what went in, and a state that is made from it again is the state."""

import json
import re
from itertools import permutations
from pathlib import Path

import pytest
from msgspec.structs import replace

from connectors.clock import SystemClock
from connectors.settings import Settings
from contracts.edges import EdgeArrival
from contracts.evidence import Evidence, IdentityFact, Ruling, shard
from contracts.keys import key, partition
from contracts.masters import Barcode, BundlePart, Product
from contracts.orders import Fulfilment, OrderFact, OrderLine, Receiver, Snapshot
from contracts.receipts import Origin, Receipt, Token
from contracts.stock import StockLevel, StockMovement
from contracts.wire import Record, encode
from pipelines.batch import Run, State
from pipelines.jobs import event_identity_to_state_member_map as members
from pipelines.jobs import event_stock_movement_to_state_stock_level as stock
from pipelines.rebuild import lake_records, states
from pipelines.rebuild.states import Changes, Place, Values
from pipelines.warehouse import lake, load
from pipelines.warehouse.store import in_home
from tests.centers import test_visibility as seen
from tests.warehouse import synthetic
from tests.warehouse.synthetic import TENANT, Tape, levels, movements, quiet, receipts, records

ORIGIN = Origin("raw.ecommerce", 0, 1)
AT = "2026-11-01T08:00:00Z"


def fact(n: int) -> OrderFact:
    lines = (OrderLine(1, "1001", 2, "P1", 2, "each", 500), OrderLine(2, "1002", 1, "P2", 1, "each", 90, 10, "B1"))
    snapshot = Snapshot(
        version="1", rank=1, number="#1", placed_at=AT, payment="paid", currency="CNY", total_cents=590,
        shipping_cents=0, tax_cents=0, other_cents=0, lines=lines, identifiers=(Token("phone", f"nid{n}", "CIPHER"),),
        name_tokens="zAbc", receiver=Receiver((Token("phone", "nid", "CIPHER"),), "zXyz") if n % 2 else None,
    )  # fmt: skip
    handed = Fulfilment("f1", "1", AT, "success", "ship", "DC", (("1001", 2), ("1002", 1)))
    return OrderFact(
        tenant=TENANT, fact_id=f"00000000-0000-4000-8000-{n:012d}", order_id=f"o{n % 3}", channel="web", kind="created",
        at=f"2026-11-01T08:00:00.{n:06d}Z" if n else AT, snapshot=snapshot, fulfilments=(handed,), source="s",
        shop="w", version="1", known_at=AT, origin=ORIGIN,
    )  # fmt: skip


def arrival(n: int) -> EdgeArrival:
    return EdgeArrival(
        tenant=TENANT, store="S1", epoch="e", lane="sales", says="sent", ranges=((n, n + 2), (n + 9, n + 9)),
        records=4, arrived_at=AT,
    )  # fmt: skip


def evidence(n: int) -> Evidence:
    """A log-in, a score, or one of several rulings."""
    a, b = f"login:{n % 5:032x}", f"phone:{n % 7:032x}"
    kinds = ("must_link", "cannot_link", "erase", "rules")
    word = Ruling(
        tenant=TENANT, id=f"w{n % 3}", seq=n, kind=kinds[n // 6 % 4], at=AT, a=a, b="" if n // 6 % 4 > 1 else b, stands=n % 12 != 6,
        text="version: 1", by="li", reason="同一人",
    )  # fmt: skip
    said = Evidence(tenant=TENANT, id=str(n), at=AT, source="event.order", about=f"o{n}")
    if n % 6 == 0:
        return replace(said, ruling=word)
    scored = {"cls": "D", "model": 2, "score": -7} if n % 6 == 1 else {"cls": "A", "name": "zAbc"}
    return replace(said, nids=(a, b), **scored)


EVIDENCE = [evidence(n) for n in range(60)]


def written(topic: str, values: list[Record]) -> list[synthetic.Record]:
    return [synthetic.Record(topic, n % 4, key(TENANT, str(n)), encode(value)) for n, value in enumerate(values)]


def loaded(home: Path, tape: Tape) -> None:
    load.load(in_home(home), tape, TENANT, SystemClock(), quiet, quiet, quiet)


@pytest.mark.parametrize(
    "values",
    [
        receipts(60),
        movements(receipts(20)),
        [fact(n) for n in range(30)],
        [arrival(n) for n in range(30)],
        EVIDENCE,
    ],
    ids=["receipts", "movements", "orders", "arrivals", "evidence"],
)
def test_records_come_back_as_they_were_but_for_their_ciphers(values: list[Record], tmp_path: Path) -> None:
    kind = type(values[0])
    loaded(tmp_path, Tape(written(kind.TYPE, values), size=7))
    cut = dict.fromkeys(range(4), 1_000)
    found: dict[bytes, bytes] = {}
    last = (-1, -1)
    for run in lake_records.runs(in_home(tmp_path), kind.TYPE, kind, cut):
        assert (run.partition, run.offsets[0]) > last, "each partition in its order"
        last = (run.partition, run.offsets[-1])
        found |= dict(zip(run.keys, run.values, strict=True))
    again = [encode(states.decoder(kind)(found[key(TENANT, str(n))])) for n in range(len(values))]
    assert again == [re.sub(rb'"cipher":"[^"]*"', b'"cipher":""', encode(value)) for value in values]


def test_nothing_above_the_cut_comes_back(tmp_path: Path) -> None:
    values = movements(receipts(20))
    loaded(tmp_path, Tape(written("event.stock_movement", values), size=1_000))
    found = list(lake_records.runs(in_home(tmp_path), "event.stock_movement", StockMovement, {0: 2, 2: 1}))
    assert [(run.partition, run.offsets) for run in found] == [(0, [0, 1]), (2, [0])]


def test_levels_made_again_are_the_levels(tmp_path: Path) -> None:
    taken = receipts(80)
    loaded(tmp_path, Tape(records(taken, []), size=30))
    places = lake.tables(in_home(tmp_path))["event.stock_movement"].places
    cut = {p: place.next for p, place in places.items()}
    made = states.replayed(in_home(tmp_path), stock.JOB, StockMovement, cut)
    again = {at.key: value for at, value in made.items()}
    assert all(at.partition in cut for at in made)
    wanted = {key(TENANT, level.sku, level.location): level for level in levels(movements(taken))}
    assert {k: (v.on_hand, v.movements) for k, v in again.items()} == {  # type: ignore[attr-defined]
        k: (v.on_hand, v.movements) for k, v in wanted.items()
    }


def test_a_value_that_differs_or_is_missing_on_either_side_is_found() -> None:
    one, other = levels(movements(receipts(9)))[:2]
    a, b = Place(0, b"a"), Place(1, b"b")

    def different(again: Values, standing: Values) -> Changes:
        return states.compared("levels", StockLevel, again, {at: encode(v) for at, v in standing.items()}).changes

    assert different({a: one, b: other}, {a: one, b: other}) == {}
    assert different({a: one}, {a: other}) == {a: one}
    assert different({a: one}, {}) == {a: one}
    assert different({}, {b: one}) == {b: None}


def test_a_value_that_stands_in_another_partition_belongs_in_its_own_and_goes_from_there() -> None:
    (one, *_) = levels(movements(receipts(9)))
    right, wrong = Place(0, b"a|b"), Place(1, b"a|b")
    found = states.compared("levels", StockLevel, {right: one}, {wrong: encode(one)})
    assert found.changes == {right: one, wrong: None}
    assert found.compared == states.Compared("levels", 2, 2, ("a / b", "a / b"))


def test_a_value_that_cannot_be_read_differs_and_one_that_is_only_spelt_otherwise_does_not() -> None:
    (one, *_) = levels(movements(receipts(9)))
    at = Place(0, b"a")
    spelt = json.dumps(json.loads(encode(one)) | {"of a later release": 1}, indent=1).encode()
    assert states.compared("levels", StockLevel, {at: one}, {at: spelt}).changes == {}
    for broken in (b"", b"\xff", b"{}", encode(one).replace(b'"v":1', b'"v":99')):
        assert states.compared("levels", StockLevel, {at: one}, {at: broken}).changes == {at: one}


def test_the_marks_of_receipts_follow_from_the_receipts(tmp_path: Path) -> None:
    taken = receipts(50)
    loaded(tmp_path, Tape(written("event.receipt", list(taken)), size=9))
    cut = {p: place.next for p, place in lake.tables(in_home(tmp_path))["event.receipt"].places.items()}
    again = states.marked(in_home(tmp_path), "log.accept_receipts", cut)
    assert again == states.receipts_taken(reversed(taken))
    numbers = {
        (r.store, r.business_date, n) for r in again.values() for low, high in r.seen for n in range(low, high + 1)
    }  # type: ignore[attr-defined]
    assert numbers == {(r.store, r.business_date, r.number) for r in taken}
    assert Receipt.TYPE == "event.receipt"


def test_the_marks_of_visibility_events_follow_from_those_that_were_let_pass(tmp_path: Path) -> None:
    for n, order in enumerate(permutations([seen.WRONG, seen.DECLARED, seen.RIGHT, seen.WRONG])):
        worker = seen.Worker()
        passed = worker.take([seen.Taken(seen.taken(one)) for one in order])
        home = tmp_path / str(n)
        tape = Tape([record("event.visibility", one, one.epcis_id) for one in passed])
        load.load(in_home(home), tape, "t", SystemClock(), quiet, quiet, quiet)
        again = states.marked(in_home(home), "log.accept_visibility", dict.fromkeys(range(4), 1_000))
        assert {at.key: encode(mark) for at, mark in again.items()} == worker.stored
        assert {at.partition for at in again} == {one.origin.partition for one in passed}
        if n == 5:
            break


def test_the_newest_change_of_each_master_stands(tmp_path: Path) -> None:
    product = Product(
        tenant="t", change="upsert", source="csv", version=(7,), at=AT, known_at=AT, origin=ORIGIN, sku="P1", name="Milk",
        category="C", base_unit="each", units={"case": "12", "half": "1/2"}, barcodes=(Barcode("69", "case"),),
        bundle=(BundlePart("P2", "0.5"),), status="active", shelf_life_days=None,
    )  # fmt: skip
    other = replace(product, sku="P3", units={}, shelf_life_days=9)
    gone = replace(product, change="deleted", version=(8,))
    tape = Tape([record("event.product", one, one.sku) for one in (product, other, gone)], size=2)
    load.load(in_home(tmp_path), tape, "t", SystemClock(), quiet, quiet, quiet)
    again = states.newest(in_home(tmp_path), "event.product", Product, dict.fromkeys(range(4), 1_000), 4)
    one, two = (Place(partition(own, 4), own) for own in (key("t", "P1"), key("t", "P3")))
    assert again == {one: gone, two: other}
    below = states.newest(in_home(tmp_path), "event.product", Product, {one.partition: 1}, 4)
    assert below[one] == product


def record(topic: str, value: Record, by: str) -> synthetic.Record:
    own = key("t", by)
    return synthetic.Record(topic, partition(own, 4), own, encode(value))


def test_the_facts_of_members_are_made_again_with_rulings_and_erasures_whatever_the_batches(tmp_path: Path) -> None:
    by = partition(shard(TENANT), 4)
    tape = [synthetic.Record("event.identity", by, key(TENANT, one.id), encode(one)) for one in EVIDENCE]
    loaded(tmp_path, Tape(tape, size=7))
    job = members.job(Settings(home=tmp_path, tenant=TENANT))
    again = states.replayed(in_home(tmp_path), job, Evidence, {by: 1_000})
    state: State[IdentityFact] = State(states.decoder(IdentityFact), {})
    values: dict[bytes, Record] = {}
    n = len(tape)
    keys, said = [r.key for r in tape], [encode(one) for one in EVIDENCE]
    for piece in Run("event.identity", by, 0, n, list(range(n)), keys, said, [0] * n, [()] * n).slices(11):
        changes = job.step(state, job.prepare(piece)).changes
        state.change(changes)
        state.take()
        values = {k: v for k, v in (values | dict(changes)).items() if v is not None}
    assert {fact.kind for fact in values.values()} == {"identifier", "pair", "name", "ruling", "erased", "model"}
    assert again == {Place(by, k): v for k, v in values.items()}
