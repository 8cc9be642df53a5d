"""How sure is it that two records are of one person: a mixture of three kinds of pairs, fitted without labels. Pure.

Fellegi and Sunter's model has two kinds of pairs: of one person (`m`) and of strangers (`u`), each with the probability of
every level of every comparison. On members of shops it is over-sure of families: they share phone, address and surname,
which are three coincidences to that model. So a third kind is fitted beside them: pairs of one **household**. At the
levels marked `family` it has probabilities of its own; at the others (given name, birth date) it is like strangers.

Expectation and maximisation, on the table of how often each pattern of levels occurs:
    1. strangers' probabilities come from pairs drawn at random, less the share of the other two kinds;
    2. each pattern is shared out among the three kinds;
    3. each kind's probabilities are counted again, with a few invented pairs so that nothing becomes impossible;
    until the shares rest. Pairs that no key proposed count as strangers.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oneid.matching.comparisons import Comparison

Matrix = NDArray[np.float64]
Patterns = NDArray[np.int64]  # rows: patterns; columns: comparisons; the level's place, -1 for nothing said

PERSON, FAMILY, STRANGERS = 0, 1, 2
INVENTED = 8.0  # pairs, spread over the levels as the first guess has them
MOST_ROUNDS = 200


class Model(NamedTuple):
    """`shares` of the three kinds among all pairs; per kind and comparison the probability of each level."""

    shares: Matrix
    levels: list[list[Matrix]]
    rounds: int


def fit(
    patterns: Patterns, counts: Matrix, drawn: Sequence[Matrix], chosen: Sequence[Comparison], n: int, pairs: float
) -> Model:
    """The model of a file of `n` records with `pairs` pairs in all, from the patterns of the proposed ones.

    `drawn`: per comparison, the probability of each level among pairs drawn at random.
    """
    first = [_normal(np.array([level.m for level in c.levels])) for c in chosen]
    free = [np.array([level.family for level in c.levels]) for c in chosen]
    strangers = [_normal(np.maximum(d, 0.01 / pairs)) for d in drawn]
    levels = [first, [_tied(f, u, x) for f, u, x in zip(first, strangers, free, strict=True)], strangers]
    shares = np.array([0.5 * n / pairs, 0.25 * n / pairs, 0.0]).clip(max=0.2)
    rounds = 0
    for rounds in range(1, MOST_ROUNDS + 1):
        shares[STRANGERS] = 1 - shares[PERSON] - shares[FAMILY]
        weight = posterior(patterns, Model(shares, levels, rounds)) * counts[:, None]
        new = np.array([weight[:, PERSON].sum() / pairs, weight[:, FAMILY].sum() / pairs, 0.0]).clip(1e-12, 0.45)
        levels = _counted(patterns, weight, first, free, drawn, pairs)
        rest = np.abs(np.log(new[:2] / shares[:2])).max() < 1e-4
        shares = new
        if rest:
            break
    shares[STRANGERS] = 1 - shares[PERSON] - shares[FAMILY]
    return Model(shares, levels, rounds)


def posterior(patterns: Patterns, model: Model) -> Matrix:
    """For each pattern (row) the probability of each kind (column)."""
    logs = np.log(model.shares)[None, :].repeat(len(patterns), axis=0)
    for kind in (PERSON, FAMILY, STRANGERS):
        for c, p in enumerate(model.levels[kind]):
            # One more place, at -1, for what says nothing.
            logs[:, kind] += np.append(np.log(p), 0.0)[patterns[:, c]]
    odds: Matrix = np.exp(logs - logs.max(axis=1, keepdims=True))
    odds /= odds.sum(axis=1, keepdims=True)
    return odds


def _counted(
    patterns: Patterns, weight: Matrix, first: Sequence[Matrix], free: Sequence[NDArray[np.bool_]],
    drawn: Sequence[Matrix], pairs: float,
) -> list[list[Matrix]]:  # fmt: skip
    person, family, strangers = [], [], []
    for c, guess in enumerate(first):
        k = len(guess)
        tally = np.stack([np.bincount(patterns[:, c] + 1, weight[:, kind], k + 1)[1:] for kind in range(3)])
        person.append(_normal(tally[PERSON] + INVENTED * guess))
        said = np.bincount((patterns[:, c] >= 0).astype(int), weight.sum(axis=1), 2)[1] / max(weight.sum(), 1e-9)
        among_all = max(pairs * said, 1.0)
        # Drawn pairs are of all three kinds; proposed ones are a part of all, so what is seen there is the least.
        known = tally[PERSON] + tally[FAMILY]
        u = np.maximum(np.asarray(drawn[c]) - known / among_all, tally[STRANGERS] / among_all)
        strangers.append(_normal(np.maximum(u, 0.05 / pairs)))
        family.append(_tied(_normal(tally[FAMILY] + INVENTED * guess), strangers[c], free[c]))
    return [person, family, strangers]


def _tied(own: Matrix, strangers: Matrix, free: NDArray[np.bool_]) -> Matrix:
    """Strangers' probabilities where a level is not free, the kind's own in what remains."""
    if not free.any():
        return strangers
    left = 1 - strangers[~free].sum()
    return np.where(free, own * left / max(own[free].sum(), 1e-300), strangers).clip(1e-12)


def _normal(p: Matrix) -> Matrix:
    normal: Matrix = p / p.sum()
    return normal
