"""Seeded events in phases: what the topics hold grows from phase to phase. Days are mixed, so every phase has late facts."""

from functools import cache

from contracts.receipts import Receipt
from tests.warehouse.synthetic import Record, Tape, dead_letters, receipts, records

PHASES = 4
RECEIPTS = 60
LETTERS = 4


def taken(seed: int, phase: int) -> list[Receipt]:
    """The receipts that there are in a phase, counted from 1; a later phase has them too."""
    return receipts(RECEIPTS * phase, seed=seed)


@cache
def _written(seed: int, phase: int) -> tuple[Record, ...]:
    if phase == 0:
        return ()
    before = _written(seed, phase - 1)
    known = {(record.topic, record.key, record.value) for record in before}
    now = records(taken(seed, phase), dead_letters(LETTERS * phase))
    return before + tuple(r for r in now if (r.topic, r.key, r.value) not in known)


def tape(seed: int, phase: int) -> Tape:
    """The topics as they are in a phase. Offsets of earlier phases stay."""
    return Tape(list(_written(seed, phase)), size=90)
