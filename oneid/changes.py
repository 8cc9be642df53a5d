"""What a batch changed: whose identifiers are other persons' now. Pure."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

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
