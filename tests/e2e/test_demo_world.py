"""A few days of all four feeds through the whole platform, while its processes are killed.

What must come out is the twin's truth, which shares no code with the platform.
"""

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest

from contracts.member_map import MemberOf
from contracts.members import Profile
from contracts.tags import Tag
from pipelines.newest import newest
from pipelines.verify_members import verify_members
from tests.installation import Installation, running
from twin.world import Recipe, make

pytestmark = pytest.mark.kafka
DAYS = 3
# Feed, format, its folder in the world, and the exit status of sending it: 3 where something in it is to be refused.
FEEDS = (
    ("pos", "receipts-jsonl", "pos", 3),
    ("ecommerce", "shopify", "ecommerce/shopify", 3),
    ("ecommerce", "segment", "ecommerce/segment", 3),
    ("wms", "epcis", "wms", 3),
    ("erp", "debezium", "erp/debezium", 3),
    ("erp", "csv", "erp/csv/drop-*", 0),
    ("erp", "csv", "erp/csv-broken/drop-*", 3),
)
ANSWERS = {"pos": ("poison",), "ecommerce": ("shopify", "segment"), "wms": ("epcis",), "erp": ("debezium",)}


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("twin") / "world"
    make(Recipe(base_date=date(2026, 3, 1), days=DAYS, seed=5), folder)
    return folder


@pytest.fixture(scope="module")
def platform(world, tmp_path_factory):
    home = tmp_path_factory.mktemp("platform") / "home"
    shutil.copytree(world / "reference", home / "reference")
    with running(home) as installation:
        yield installation


def kill(platform: Installation, child: str) -> None:
    """kill -9, whatever it is doing. The supervisor brings it back."""
    with suppress(AssertionError, ProcessLookupError):
        os.kill(platform.pid(child), signal.SIGKILL)


def storm(platform: Installation, seed: int, until: threading.Event) -> None:
    """Kills the worker every few seconds, and the broker once."""
    dice = random.Random(seed)
    victims = ["worker", "worker", "broker", "worker"]
    while victims and not until.wait(dice.uniform(2, 5)):
        kill(platform, victims.pop(0))


def killed_run(platform: Installation, after_s: float) -> None:
    """A warehouse run that does not come to its end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "run"],
        env=platform.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(after_s)
    process.kill()
    process.wait()


def play(platform: Installation, world: Path, feed: str, form: str, folders: str, expect: int) -> dict[str, int]:
    found = sorted((world / "feeds").glob(folders))
    return platform.zhongtai("ingest", feed, "--format", form, *found, expect=expect).last


def check(platform: Installation, truth: Path) -> None:
    platform.zhongtai("run")
    said = platform.zhongtai("verify", "--truth", truth)
    assert said.last["different"] == 0
    assert said.last["checked"] > 10_000


def test_killing_the_worker_the_broker_and_the_run_changes_no_figure(platform, world):
    over = threading.Event()
    killer = threading.Thread(target=storm, args=(platform, 11, over))
    killer.start()
    try:
        counted = [play(platform, world, *feed) for feed in FEEDS]
        killer.join()
    finally:
        over.set()
        killer.join()
    platform.settle()
    for after_s in (0.6, 1.2, 2.0):
        killed_run(platform, after_s)
    check(platform, world / "truth_all")
    lines = sum(len(path.read_bytes().splitlines()) for path in (world / "feeds" / "pos").glob("*.jsonl"))
    assert sum(counted[0].values()) == lines


@pytest.mark.parametrize("feed", list(ANSWERS))
def test_every_poison_record_and_no_other_is_refused_for_its_own_reason(platform, world, feed):
    expected = set()
    for name in ANSWERS[feed]:
        with (world / "answers" / f"{name}.csv").open() as file:
            expected |= {(row["file"], int(row["line"]), row["code"]) for row in csv.DictReader(file)}
    listed = json.loads(platform.zhongtai("dlq", "list", "--feed", feed, "--format", "json").out)
    whole_drops = [row["code"] for row in listed if row["code"].startswith("drop_")]
    lines = [(row["file"], row["line"], row["code"]) for row in listed if not row["code"].startswith("drop_")]
    assert sorted(lines) == sorted(expected)
    assert all(row["reason"] and row["reason_zh"] for row in listed)
    if feed == "erp":
        with (world / "answers" / "csv.csv").open() as file:
            assert sorted(whole_drops) == sorted(row["code"] for row in csv.DictReader(file))


def test_sending_the_same_files_again_changes_no_figure(platform, world, tmp_path):
    for feed, form, folder, name in (
        ("pos", "receipts-jsonl", "pos", "*.jsonl"),
        ("ecommerce", "shopify", "ecommerce/shopify", "*.jsonl"),
        ("wms", "epcis", "wms", "*.ndjson"),
        ("erp", "debezium", "erp/debezium", "*.jsonl"),
    ):
        paths = sorted((world / "feeds" / folder).glob(name))
        whole = tmp_path / f"a-week-later-{form}{paths[0].suffix}"
        # Some were cut off in the middle of a line: it must not run into the first line of the next file.
        whole.write_bytes(b"".join(path.read_bytes().removesuffix(b"\n") + b"\n" for path in paths))
        said = platform.zhongtai("ingest", feed, "--format", form, whole, expect=3)
        assert said.last["accepted"] == 0
    platform.settle()
    check(platform, world / "truth_all")


def test_every_repaired_poison_comes_in_exactly_once(platform, world):
    for feed, forms in ANSWERS.items():
        for form in forms:
            replay(platform, world, feed, form)
    platform.settle()
    assert "refused" not in platform.zhongtai("dlq", "list", "--open").out

    # Once more changes nothing: the figures at the end are those of one repair.
    poison = (world / "answers" / "poison.csv").read_text().splitlines()[1:]
    again = platform.zhongtai("dlq", "replay", "--again", "--with", world / "repaired" / "pos.jsonl")
    assert again.last["replayed"] == len(poison)
    platform.settle()
    check(platform, world / "truth_all_repaired")


def replay(platform: Installation, world: Path, feed: str, form: str) -> None:
    poison = (world / "answers" / f"{form}.csv").read_text().splitlines()[1:]
    mended = world / "repaired" / f"{'pos' if form == 'poison' else form}.jsonl"
    said = platform.zhongtai("dlq", "replay", "--feed", feed, "--with", mended)
    assert said.last == {"replayed": len(poison), "already": 0, "refused": 0, "unknown": 0}


def test_one_row_of_truth_changed_by_hand_is_found(platform, world, tmp_path):
    changed = tmp_path / "truth"
    shutil.copytree(world / "truth_all_repaired", changed)
    head, first, *rest = (changed / "receipts.csv").read_text().splitlines()
    store, day, receipts, lines, cents = first.split(",")
    (changed / "receipts.csv").write_text(
        "\n".join([head, f"{store},{day},{receipts},{lines},{int(cents) + 1}", *rest])
    )
    said = platform.zhongtai("verify", "--truth", changed, expect=1)
    assert said.last["different"] == 1
    assert f"store={store}" in said.err


def test_a_receipt_can_be_traced_from_its_line_to_the_mart(platform, world):
    file = sorted((world / "feeds" / "pos").glob("*.jsonl"))[0]
    said = platform.zhongtai("trace", f"{file.name}:1")
    for step in ("raw.pos", "event.receipt", "event.stock_movement", "dws_trade_store_1d"):
        assert step in said.out, said


def test_members_are_the_people_behind_them_as_far_as_can_be_known(platform, world):
    found = verify_members(platform.settings, world / "people")
    assert found.members > 500
    assert found.good, found


def test_every_member_who_bought_stands_in_the_life_cycle_by_all_of_the_members_purchases(platform):
    owner = {entry.nid: entry.member_id for entry in newest(platform.settings, "state.member_map", MemberOf)}
    bought: Counter[str] = Counter()
    for profile in newest(platform.settings, "state.profile", Profile):
        bought[owner[profile.nid]] += profile.sums.orders
    tags = newest(platform.settings, "state.tag", Tag)
    assert tags
    assert {tag.member_id: tag.purchases for tag in tags} == {member: n for member, n in bought.items() if n > 0}
    # The world's days lie months behind the moment at which Kafka recorded them.
    assert {tag.value for tag in tags} == {"lost"}
    built = platform.zhongtai("segments", "build", "win_back").last
    assert (built["members"], built["matched"]) == (len(set(owner.values())), 0)
