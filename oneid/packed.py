"""Tables of numbers in numpy: sorted rows that take batches, growing columns, and components. Pure.

A table keeps its rows sorted by one 64-bit key, in two parts: a large one, and a small one that takes what is new and is
folded into the large one when it has grown to a sixteenth. So a row costs its own bytes and nothing for pointers or slots,
a batch costs time in proportion to itself, and the rows of one node lie side by side.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[Any]
U64 = np.uint64
FRESH_ROWS = 1 << 14  # below this the small part is not folded in
SHIFT = U64(32)
LOW = U64(0xFFFF_FFFF)


class Column:
    """An array that grows at its end by a quarter at a time."""

    def __init__(self, dtype: DTypeLike, width: int = 0) -> None:
        self._all: Array = np.zeros((64, width) if width else 64, dtype)
        self.size = 0

    @property
    def values(self) -> Array:
        """The values, to read and to change in place."""
        return self._all[: self.size]

    def extend(self, values: Array) -> None:
        size = self.size + len(values)
        if size > len(self._all):
            grown = np.zeros((max(size, len(self._all) * 5 // 4), *self._all.shape[1:]), self._all.dtype)
            grown[: self.size] = self.values
            self._all = grown
        self._all[self.size : size] = values
        self.size = size

    def truncate(self, size: int) -> None:
        self.size = size

    @property
    def nbytes(self) -> int:
        return self._all.nbytes


class Rows:
    """Rows by key, with parallel columns. Positions hold until the next `insert` or `keep`."""

    def __init__(self, **columns: tuple[DTypeLike, int]) -> None:
        self._keys = Column(U64)
        self._columns = {name: Column(dtype, width) for name, (dtype, width) in columns.items()}
        self._large = 0

    def __len__(self) -> int:
        return self._keys.size

    def __getitem__(self, column: str) -> Array:
        return self._columns[column].values

    @property
    def keys(self) -> Array:
        return self._keys.values

    @property
    def nbytes(self) -> int:
        return self._keys.nbytes + sum(column.nbytes for column in self._columns.values())

    def find(self, keys: Array) -> Array:
        """The position of each key, -1 where there is none."""
        found = np.full(len(keys), -1, np.int64)
        for low, high in self._parts():
            part = self.keys[low:high]
            if len(part):
                at = np.minimum(np.searchsorted(part, keys), len(part) - 1)
                hit = part[at] == keys
                found[hit] = at[hit] + low
        return found

    def insert(self, keys: Array, **columns: Array) -> None:
        """Rows with keys that are not there yet, each once."""
        if not len(keys):
            return
        self._keys.extend(keys)
        for name, column in self._columns.items():
            column.extend(columns[name])
        small = len(self) - self._large
        if small > max(FRESH_ROWS, self._large // 16):
            self._large = len(self)
            self._sort(0)
        else:
            self._sort(self._large)

    def keep(self, mask: Array) -> None:
        """Drop the rows where `mask` is false."""
        kept = int(mask[: self._large].sum())
        for column in (self._keys, *self._columns.values()):
            values = column.values[mask]
            column.values[: len(values)] = values
            column.truncate(len(values))
        self._large = kept

    def ranges(self, lows: Array, highs: Array) -> tuple[Array, Array]:
        """Positions of all rows with lows[i] <= key < highs[i], and the i of each."""
        positions, owners = [], []
        for low, high in self._parts():
            part = self.keys[low:high]
            first = np.searchsorted(part, lows)
            counts = np.searchsorted(part, highs) - first
            total = int(counts.sum())
            if total:
                owner = np.repeat(np.arange(len(lows)), counts)
                ends = np.cumsum(counts)
                positions.append(np.arange(total) - np.repeat(ends - counts, counts) + np.repeat(first, counts) + low)
                owners.append(owner)
        if not positions:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        return np.concatenate(positions), np.concatenate(owners)

    def _parts(self) -> Iterable[tuple[int, int]]:
        return (0, self._large), (self._large, len(self))

    def _sort(self, low: int) -> None:
        order = np.argsort(self.keys[low:], kind="stable")
        for column in (self._keys, *self._columns.values()):
            column.values[low:] = column.values[low:][order]


def starts_of(ordered: Array) -> Array:
    """Where each run of equal values begins."""
    if not len(ordered):
        return np.empty(0, np.int64)
    return np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))


def distinct(values: Array) -> Array:
    """The values in order, each once. (numpy's own `unique` hashes, which is ten times slower for keys like ours.)"""
    ordered = np.sort(values)
    return ordered[starts_of(ordered)]


def components(count: int, a: Array, b: Array) -> Array:
    """For nodes 0 … count-1 and edges a–b: the smallest node of each node's component.

    Roots are hooked to smaller roots and paths are halved, for all edges at once, until nothing changes.
    """
    root = np.arange(count)
    while len(a):
        x, y = root[a], root[b]
        apart = x != y
        a, b, x, y = a[apart], b[apart], x[apart], y[apart]
        np.minimum.at(root, np.maximum(x, y), np.minimum(x, y))
        while True:
            shorter = root[root]
            if np.array_equal(shorter, root):
                break
            root = shorter
    return root
