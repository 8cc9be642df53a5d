"""Nids as numbers, and back."""

from pathlib import Path

import numpy as np
import pytest

import oneid
from oneid.nodes import Nodes
from oneid.rules import parse

FILE = Path(oneid.__file__).parent / "rules.yml"
RULES = parse(FILE.read_text(), str(FILE))


def nids(seed: int, count: int) -> list[str]:
    dice = np.random.default_rng(seed)
    types = list(RULES.identifiers)
    return [f"{types[int(dice.integers(len(types)))]}:{dice.bytes(16).hex()}" for _ in range(count)]


def test_numbers_go_back_to_what_they_stand_for() -> None:
    nodes, given = Nodes(RULES), nids(1, 1000)
    numbers, before = nodes.intern(given)
    assert before == 0
    assert nodes.nids(numbers) == given
    assert [nodes.nid(node) for node in numbers[:5].tolist()] == given[:5]
    assert nodes.nids(numbers[:0]) == []
    assert nodes.nodes([*given[:3], *nids(2, 2)]).tolist() == [*numbers[:3].tolist(), -1, -1]


@pytest.mark.parametrize(
    "odd", ["", ":", "phone", "phone:1234", f"phone:{'0' * 31}", f"phone:{'0' * 33}", f"nobody:{'0' * 32}"]
)
def test_what_is_no_nid_is_refused(odd: str) -> None:
    for around in ([odd], [*nids(3, 2), odd], [odd, *nids(3, 2)]):
        with pytest.raises(ValueError, match="an identifier"):
            Nodes(RULES).nodes(around)
