"""Which receipt numbers were taken: a set of whole numbers as closed intervals. Pure.

Tills count, so a day's numbers are nearly always one interval however many they are, and nothing has to be forgotten.
"""

from bisect import bisect_right

Intervals = tuple[tuple[int, int], ...]


def add(seen: Intervals, n: int) -> tuple[Intervals, bool]:
    """`seen` with `n` in it, and whether `n` is new. Intervals stay ascending, apart and as few as can be.

    The search is O(log intervals). Adding in any order, any number of times, gives equal intervals.
    """
    i = _after(seen, n)
    if i and n <= seen[i - 1][1]:
        return seen, False
    low = high = n
    first, last = i, i
    if i and seen[i - 1][1] == n - 1:
        low, first = seen[i - 1][0], i - 1
    if i < len(seen) and seen[i][0] == n + 1:
        high, last = seen[i][1], i + 1
    return (*seen[:first], (low, high), *seen[last:]), True


def contains(seen: Intervals, n: int) -> bool:
    i = _after(seen, n)
    return i > 0 and n <= seen[i - 1][1]


def _after(seen: Intervals, n: int) -> int:
    """The place of the first interval that begins after `n`."""
    return bisect_right(seen, n, key=_begin)


def _begin(interval: tuple[int, int]) -> int:
    return interval[0]


def union(a: Intervals, b: Intervals) -> Intervals:
    """The numbers of both."""
    joined: list[tuple[int, int]] = []
    for low, high in sorted((*a, *b)):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return tuple(joined)
