"""Numbers taken, as intervals: always the same set, and as few intervals as can be."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from centers.receipts.marks import Intervals, add, contains, union

NUMBERS = st.lists(st.integers(0, 40) | st.integers(0, 10**15))


def folded(numbers: list[int]) -> Intervals:
    seen: Intervals = ()
    for n in numbers:
        seen, _ = add(seen, n)
    return seen


@given(NUMBERS)
def test_a_number_is_new_exactly_once(numbers: list[int]) -> None:
    seen: Intervals = ()
    known: set[int] = set()
    for n in numbers:
        assert contains(seen, n) == (n in known)
        seen, new = add(seen, n)
        assert new == (n not in known)
        known.add(n)
        assert contains(seen, n)


@given(NUMBERS)
def test_intervals_are_ascending_and_apart_and_hold_just_the_numbers(numbers: list[int]) -> None:
    seen = folded(numbers)
    assert all(low <= high for low, high in seen)
    assert all(a[1] + 1 < b[0] for a, b in pairwise(seen))
    assert sum(high - low + 1 for low, high in seen) == len(set(numbers))


@given(NUMBERS, st.randoms())
def test_neither_order_nor_repetition_matters(numbers: list[int], random: object) -> None:
    shuffled = numbers * 2
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert folded(shuffled) == folded(numbers)


@given(NUMBERS, NUMBERS)
def test_the_union_holds_the_numbers_of_both(a: list[int], b: list[int]) -> None:
    assert union(folded(a), folded(b)) == folded(a + b)


def test_a_day_of_a_till_that_counts_is_one_interval() -> None:
    assert folded(list(range(1, 5000))) == ((1, 4999),)


def test_the_number_that_was_missing_joins_its_neighbours() -> None:
    assert folded([1, 2, 4, 5, 3]) == ((1, 5),)
