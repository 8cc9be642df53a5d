"""The view of the live state: what it holds, what a restart costs, and as of which moment it may be believed."""

import random
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.settings import Settings
from contracts.topics import BY_NAME
from oneservice.live.chase import Chase, Look, Stage, advance
from oneservice.live.roads import FOLLOWED
from oneservice.live.view import Change, Run, View
from pipelines.jobs import groups, jobs

T0 = datetime(2026, 11, 22, 10, tzinfo=UTC)
STOCK = "state.stock_level"


def run(changes: list[Change], next: int, partition: int = 0, topic: str = STOCK) -> Run:
    return Run(topic, partition, changes, next)


def put(n: int, value: str = "v") -> Change:
    return Change(b"t|%d" % n, f"{value}{n}".encode(), 1_000 + n)


@pytest.fixture
def view(tmp_path: Path) -> View:
    made = View(tmp_path / "live.sqlite")
    made.begin(STOCK, "cluster/a")
    return made


def test_the_newest_record_of_a_key_counts_and_a_removed_key_is_gone(view: View) -> None:
    view.apply([run([put(1), put(2), put(1, "w"), Change(b"t|2", None, 5)], 4)])
    assert view.get(STOCK, b"t|1") == b"w1"
    assert view.get(STOCK, b"t|2") is None
    view.apply([run([Change(b"t|1", None, 6), put(1, "x")], 6)])
    assert view.get(STOCK, b"t|1") == b"x1"


def test_a_prefix_finds_its_own_keys_only(view: View) -> None:
    keys = [b"t|a", b"t|a|1", b"t|a|2", b"t|a|\xe5\xba\x97", b"t|ab|1", b"t|b|1"]
    view.apply([run([Change(key, key, 1) for key in keys], 6)])
    assert view.among(STOCK, b"t|a|", 10) == [b"t|a|1", b"t|a|2", b"t|a|\xe5\xba\x97"]
    assert view.among(STOCK, b"t|a|", 2) == [b"t|a|1", b"t|a|2"]


def test_a_second_name_follows_the_newest_record(view: View) -> None:
    view.apply(
        [run([Change(b"t|p1", b"1", 1, "ann"), Change(b"t|p2", b"2", 1, "ann"), Change(b"t|p3", b"3", 1, "bob")], 3)]
    )
    view.apply([run([Change(b"t|p2", b"4", 2, "bob")], 4)])
    assert view.also(STOCK, "ann", 9) == [b"1"]
    assert view.also(STOCK, "bob", 9) == [b"4", b"3"]


def test_a_topic_that_was_made_again_is_forgotten_and_no_other(view: View) -> None:
    view.begin("state.order", "cluster/o")
    view.apply([run([put(1)], 7), run([put(2)], 3, 1, "state.order")])
    assert view.begin(STOCK, "cluster/a") == {0: 7}
    assert view.begin(STOCK, "cluster/b") == {}
    assert view.get(STOCK, b"t|1") is None
    assert view.held(STOCK).complete_at is None
    assert view.get("state.order", b"t|2") == b"v2"
    assert view.begin("state.order", "cluster/o") == {1: 3}


def test_until_anything_was_shown_the_oldest_of_the_newest_records_tells_the_age(view: View) -> None:
    view.apply([run([put(1)], 2, 0), run([put(5)], 2, 1)])
    assert view.held(STOCK).as_of is None  # still filling
    view.complete(STOCK, T0)
    assert view.held(STOCK).as_of == datetime.fromtimestamp(1.001, UTC)
    view.shown(STOCK, T0)
    view.apply([run([put(9)], 3, 1)])
    assert view.held(STOCK).as_of == T0


def test_a_damaged_view_is_thrown_away(tmp_path: Path) -> None:
    path = tmp_path / "live.sqlite"
    path.write_bytes(b"not a database, but as long as one would have to be " * 200)
    view = View(path)
    assert view.begin(STOCK, "cluster/a") == {}
    view.renew()
    view.begin(STOCK, "cluster/a")
    view.apply([run([put(1)], 1)])
    assert view.get(STOCK, b"t|1") == b"v1"


WRITER = """
import sys
from pathlib import Path
from oneservice.live.view import Change, Run, View
view = View(Path(sys.argv[1]))
n = view.begin("state.stock_level", "cluster/a").get(0, 0)
print("at", n, flush=True)
while True:
    changes = [Change(b"t|%d" % i, b"%d" % i, i) for i in range(n, n + 50)]
    n += 50
    view.apply([Run("state.stock_level", 0, changes, n)])
    print(n, flush=True)
"""


def test_rows_and_offsets_stay_together_whenever_the_writer_is_killed(tmp_path: Path) -> None:
    path, dice = tmp_path / "live.sqlite", random.Random(8)
    before = 0
    for _ in range(6):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            begun = process.stdout.readline()
            for _ in range(dice.randrange(1, 60)):
                process.stdout.readline()
            process.kill()
        assert int(begun.split()[1]) >= before  # it goes on where it was: nothing is read again
        view = View(path)
        before = view.begin(STOCK, "cluster/a")[0]
        assert view.count(STOCK) == before
        view.close()


def test_memory_does_not_grow_with_the_keys(tmp_path: Path) -> None:
    """The principle, at a size for every day; bench/service.py has a million keys and the service around them."""
    script = """
import resource, sys
from pathlib import Path
from oneservice.live.view import Change, Run, View
view = View(Path(sys.argv[1])); view.begin("state.stock_level", "c/a")
def used(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
def fill(start, n):
    for at in range(start, start + n, 5000):
        view.apply([Run("state.stock_level", 0, [Change(b"t|%09d" % i, b"x" * 300, i) for i in range(at, at + 5000)], at + 5000)])
    for i in range(start, start + n, 97): view.get("state.stock_level", b"t|%09d" % i)
fill(0, 60_000); first = used(); fill(60_000, 120_000); print(first, used())
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "v")], capture_output=True, text=True, check=True
    )
    first, then = map(int, done.stdout.split())
    assert then - first < 12 * 1024  # KiB; the keys alone would be 40 MiB


ROAD = ((Stage("g1", ("raw",)),), (Stage("g2", ("event",)), Stage("g3", ("other",))))


def look(
    seconds: float, raw: int, event: int, state: int, passed: tuple[int, int, int], held: int, alive: str = "g1 g2 g3"
) -> Look:
    places = {("raw", 0): raw, ("event", 0): event, ("other", 0): 0, ("state", 0): state}
    done = {("g1", ("raw", 0)): passed[0], ("g2", ("event", 0)): passed[1], ("g3", ("other", 0)): passed[2]}
    return Look(T0 + timedelta(seconds=seconds), places, done, frozenset(alive.split()), {("state", 0): held})


def test_when_all_have_caught_up_the_view_is_complete_as_of_the_look() -> None:
    told = advance(None, look(0, 10, 5, 3, (10, 5, 0), 3), ROAD, "state")
    assert (told.as_of, told.chase, told.waits) == (T0, None, "")


def test_records_that_come_during_a_chase_do_not_hold_it_up() -> None:
    told = advance(None, look(0, 10, 0, 0, (0, 0, 0), 0), ROAD, "state")
    assert told.as_of is None
    for second in range(1, 6):  # ten a second come in, and each job is a second behind
        raw = 10 + 10 * second
        told = advance(
            told.chase, look(second, raw, raw - 10, raw - 20, (raw - 10, raw - 20, 0), raw - 30), ROAD, "state"
        )
        if told.as_of:
            break
    assert told.as_of == T0


@pytest.mark.parametrize(
    ("now", "waits"),
    [
        (look(0, 10, 5, 3, (9, 5, 0), 3), "The job g1 has not caught up."),
        (look(0, 10, 5, 3, (10, 4, 0), 3), "The job g2 has not caught up."),
        (look(0, 10, 5, 3, (10, 5, 0), 2), "The service has not caught up with the topic."),
        (look(0, 10, 5, 3, (10, 5, 0), 3, "g1 g3"), "The job g2 does not run."),
    ],
)
def test_one_that_lags_or_does_not_run_holds_the_moment_back(now: Look, waits: str) -> None:
    told = advance(None, now, ROAD, "state")
    assert (told.as_of, told.waits) == (None, waits)


def test_a_stopped_worker_lets_the_age_grow_even_when_nothing_waits() -> None:
    chase: Chase | None = None
    for second in range(5):
        told = advance(chase, look(second, 10, 5, 3, (10, 5, 0), 3, "g1 g2"), ROAD, "state")
        assert told.as_of is None
        chase = told.chase
    # Running again, it arrives as of when it was noted, and then as of now.
    told = advance(chase, look(5, 10, 5, 3, (10, 5, 0), 3), ROAD, "state")
    assert told.as_of == T0
    assert advance(told.chase, look(6, 10, 5, 3, (10, 5, 0), 3), ROAD, "state").as_of == T0 + timedelta(seconds=6)


def test_a_topic_that_is_missing_is_told() -> None:
    told = advance(None, Look(T0, {("raw", 0): 1}, {}, frozenset(), {}), ROAD, "state")
    assert told.waits == "The topic event does not exist."


def test_the_roads_are_those_of_the_jobs(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    known = groups(settings)
    for followed in FOLLOWED:
        assert BY_NAME[followed.topic].compacted
        for step in followed.road:
            for stage in step:
                assert known[stage.group] == stage.inputs
        last = {job.group: job for job in jobs(settings).values()}[followed.road[-1][0].group]
        # Two jobs keep what they remember in a log, and write the topic besides.
        assert followed.topic in (last.state.topic if last.state else "", "state.member_map", "state.store")


def test_a_view_of_another_release_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "live.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    assert View(path).begin(STOCK, "c/a") == {}
