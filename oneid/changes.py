"""What a batch changed: whose identifiers are other persons' now, and what such a change is called. Pure."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from contracts.member_map import ChangeKind
from oneid.packed import Array

NOBODY = 0xFFFF_FFFF  # the birth of a node that was not resolved yet


class Change(NamedTuple):
    """An identifier whose person changed, by birth nodes. `before` is None for a new one, `after` for an erased one."""

    nid: str
    before: str | None
    after: str | None


class Changes:
    """What a batch changed. Its length is at hand; the names are made when it is walked, before the next batch."""

    def __init__(
        self, name: Callable[[int], str], nodes: Array, before: Array, after: Array, lost: list[Change]
    ) -> None:
        self._name, self._nodes, self._before, self._after, self._lost = name, nodes, before, after, lost

    def __len__(self) -> int:
        return len(self._nodes) + len(self._lost)

    def __iter__(self) -> Iterator[Change]:
        yield from self._lost
        name = self._name
        for node, old, new in zip(self._nodes.tolist(), self._before.tolist(), self._after.tolist(), strict=True):
            yield Change(name(node), None if old == NOBODY else name(old), name(new))


def kinds(groups: Mapping[tuple[str, str], int], sizes: Mapping[str, int]) -> dict[tuple[str, str], ChangeKind]:
    """What each group's change is called, in the words of `contracts.member_map.MemberChange`.

    `groups`: how many identifiers went from whom to whom, "" for nobody. `sizes`: how many each person had before.
    """
    left: Counter[str] = Counter()
    into: Counter[str] = Counter()
    ways: Counter[str] = Counter()
    for (before, after), count in groups.items():
        left[before] += count
        into[after] += before != ""
        ways[before] += after != ""
    stayed = {after for _, after in groups if sizes.get(after, 0) > left[after]}
    found: dict[tuple[str, str], ChangeKind] = {}
    for before, after in groups:
        if not before or not after:
            found[before, after] = "new" if after else "erase"
        elif (
            left[before] == sizes[before] and ways[before] == 1
        ):  # nothing stays, and all that is not erased goes one way
            found[before, after] = "merge" if after in stayed or into[after] > 1 else "rename"
        else:
            found[before, after] = "move" if after in stayed else "split"
    return found
