"""The shape of a live graph, in numbers: how many identifiers, members, values that are nobody's. Pure.

`zhongtai oneid audit` computes the same from the evidence, at leisure (`oneid.audit.Health`); here it is read off the packed
columns, which costs a sort, so that it can be asked at any time.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from oneid.packed import Array, starts_of

# The largest number of identifiers of each class of members; "" for no end.
CLASSES = (1, 2, 3, 4, 5, 10, 20, 50)
NAMES = (*map(str, CLASSES[:5]), "6-10", "11-20", "21-50", "51+")


class Shape(NamedTuple):
    """`members` counts them by how many identifiers they have, under `NAMES`; `refused` is by rule, one for each judgement."""

    identifiers: Mapping[str, int]
    members: Mapping[str, int]
    largest: int
    generic: Mapping[str, int]
    recycled: int
    refused: Mapping[str, int]


def shape(
    types: Sequence[str], type: Array, birth: Array, generic: Array, *, recycled: int, refused: Mapping[str, int]
) -> Shape:
    """From columns by node: the index of its type, the number of its person's birth, whether it is generic."""
    ordered = np.sort(birth)
    sizes = np.diff(np.append(starts_of(ordered), len(ordered)))
    classes = np.bincount(np.searchsorted(CLASSES, sizes), minlength=len(NAMES))
    return Shape(
        _named(types, np.bincount(type, minlength=len(types))),
        _named(NAMES, classes),
        int(sizes.max(initial=0)),
        _named(types, np.bincount(type[generic], minlength=len(types))),
        recycled,
        dict(refused),
    )


def total(shapes: Iterable[Shape]) -> Shape:
    """Several shards as one: no member has identifiers in two."""
    every = list(shapes)
    identifiers, members, generic, refused = (
        dict(sum((Counter(getattr(one, name)) for one in every), Counter()))
        for name in ("identifiers", "members", "generic", "refused")
    )
    largest = max((one.largest for one in every), default=0)
    return Shape(identifiers, members, largest, generic, sum(one.recycled for one in every), refused)


def _named(names: Sequence[str], counts: Array) -> dict[str, int]:
    return {name: count for name, count in zip(names, counts.tolist(), strict=True) if count}
