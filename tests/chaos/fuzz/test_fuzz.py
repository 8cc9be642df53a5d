"""A few thousand hostile inputs for each decoder in every build; `make chaos NAME=fuzz` gives each a million."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from contracts.refusals import Refused
from tests.chaos.fuzz import hunt as hunting
from tests.chaos.fuzz import run as running
from tests.chaos.fuzz.breed import HUGE, JSON_HUGE, bred
from tests.chaos.fuzz.decoders import DECODERS, Decoder
from tests.chaos.fuzz.hunt import hunt


@pytest.mark.parametrize("name", DECODERS)
def test_every_example_is_good(name: str) -> None:
    decoder = DECODERS[name]()
    assert decoder.examples


@pytest.mark.parametrize("name", DECODERS)
def test_nothing_hostile_is_unhandled_slow_or_fat(name: str) -> None:
    found = hunt(name, seed=20261122, start=2_001, count=3_000)
    assert found.violations == []
    assert found.codes  # hostile enough that something was refused
    assert found.good + sum(found.codes.values()) == 3_000


@pytest.mark.parametrize("name", DECODERS)
def test_no_kind_of_something_huge_is_slow_or_fat(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chance brings each kind to a decoder once in some fifty thousand inputs."""

    def huge(dice: random.Random, n: int, examples: Sequence[bytes], as_json: bool) -> bytes:
        kinds = JSON_HUGE if as_json else HUGE
        return kinds[n % len(kinds)](dice, examples)

    monkeypatch.setattr(hunting, "bred", huge)
    assert hunt(name, seed=20261122, start=0, count=2 * len(JSON_HUGE)).violations == []


def test_an_input_follows_from_the_seed_and_its_number_alone() -> None:
    examples = DECODERS["shopify"]().examples

    def drawn(numbers: range) -> dict[int, bytes]:
        dice = random.Random()
        found = {}
        for n in numbers:
            dice.seed(n)
            found[n] = bred(dice, n, examples, as_json=True)
        return found

    assert drawn(range(3_000)).items() >= drawn(range(2_500, 3_000)).items()


def _raises(value: bytes) -> Any:
    return {}[value]


def _tells(value: bytes) -> Refused:
    return Refused("bad_value", "phone.13812345678")


def _spins(value: bytes) -> Refused:
    while True:
        pass


@pytest.mark.parametrize(
    ("broken", "told"),
    [(_raises, "raised KeyError"), (_tells, "may hold a value"), (lambda _: None, "gave a NoneType"),
     (lambda _: Refused("no_such_code"), "unknown code"), (lambda _: Refused("not_json") if b"x" * (300 << 20) else None, "MiB"),
     (_spins, "took more than")],
)  # fmt: skip
def test_a_broken_decoder_is_caught(monkeypatch: pytest.MonkeyPatch, broken: Any, told: str) -> None:
    if broken is _spins:
        monkeypatch.setattr(hunting, "LONGEST_S", 0.05)
    monkeypatch.setitem(DECODERS, "broken", lambda: Decoder(broken, int, (), json=False))
    monkeypatch.setattr(hunting, "bred", lambda *_: b"{}")
    assert any(told in violation.what for violation in hunt("broken", 1, 0, 1).violations)


def test_what_a_commit_has_run_is_left_out_and_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "RESULTS", tmp_path / "chaos-fuzz.jsonl")
    asked = list(running.chunks("abc", "segment-batch", seed=1, start=0, inputs=2 * running.CHUNK + 5))
    assert [(one.start, one.inputs) for one in asked] == [(0, 20_000), (20_000, 20_000), (40_000, 5)]
    line = asked[1]._asdict() | {"violations": 1, "failures": [{"n": 20_007, "what": "raised KeyError"}]}
    other = line | {"commit": "abd"}
    (tmp_path / "chaos-fuzz.jsonl").write_text("".join(json.dumps(one) + "\n" for one in (other, line)))
    before = running.done(asked)
    assert before == [line]
    assert running.rest(asked, before) == [asked[0], asked[2]]
    changed = [one._replace(commit="abc-dirty") for one in asked]
    assert running.rest(changed, running.done(changed)) == changed


def test_every_decoder_has_code_that_is_there() -> None:
    for name in DECODERS:
        assert running.commit(name)
    paths = {*running.SHARED, *running.POS, *running.WEB, *running.WMS, *running.ERP}
    assert [path for path in paths if not (running.ROOT / path).exists()] == []
