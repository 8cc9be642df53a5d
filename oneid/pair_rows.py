"""The pairs of a shard as rows of numbers: what a batch says of each, joined with what is known. Pure.

A row is what `oneid.evidence.Pair` is. The key of a pair is its smaller node, then its larger one, in 32 bits each.
"""

from collections.abc import Iterable

import numpy as np

from oneid.evidence import DAY_S, LIKELY, MOST_DAYS, Pair
from oneid.packed import U64, Array, Rows, starts_of

NO_DAY = 0xFFFF


class PairRows(Rows):
    def __init__(self) -> None:
        super().__init__(
            cls=(np.uint8, 0),
            first=(np.uint32, 0),
            days=(np.uint16, MOST_DAYS),
            last=(np.uint16, 0),
            model=(np.uint16, 0),
            score=(np.int8, 0),
        )

    def join(
        self, keys: Array, event: Array, at: Array, cls: Array, scores: dict[int, tuple[int, int]]
    ) -> tuple[Array, Array, Array, Array]:
        """Join the pairs of a batch. Returns their keys, and whether each changed, shifted, became real."""
        if not len(keys):
            return keys, np.empty(0, bool), np.empty(0, bool), np.empty(0, bool)
        day = np.where(cls == LIKELY, NO_DAY, at // DAY_S)[event]
        order = np.lexsort((day, keys))
        keys, event, day = keys[order], event[order], day[order]
        starts = starts_of(keys)
        whole = keys[starts]
        real = np.where(day == NO_DAY, 0, day)
        score = np.zeros(len(keys), np.int64)
        if scores:
            packed = {i: model << 8 | (score + 128) for i, (model, score) in scores.items()}
            score = np.array([packed.get(i, 0) for i in event.tolist()], np.int64)
        new = {
            "cls": np.maximum.reduceat(cls[event], starts),
            "first": np.minimum.reduceat(at[event], starts).astype(np.uint32),
            "days": _smallest(keys, day, starts),
            "last": np.maximum.reduceat(real, starts).astype(np.uint16),
            "scored": np.maximum.reduceat(score, starts),
        }
        return whole, *self._joined(whole, new)

    def _joined(self, keys: Array, new: dict[str, Array]) -> tuple[Array, Array, Array]:
        scored = new.pop("scored")
        new["model"] = (scored >> 8).astype(np.uint16)
        new["score"] = np.where(scored > 0, (scored & 255) - 128, 0).astype(np.int8)
        at = self.find(keys)
        known = at >= 0
        changed, real = ~known, new["cls"] > LIKELY
        old = {name: self[name][at[known]] for name in new}
        mine = {name: values[known] for name, values in new.items()}
        joined = {
            "cls": np.maximum(old["cls"], mine["cls"]),
            "first": np.minimum(old["first"], mine["first"]),
            "days": _merged(old["days"], mine["days"]),
            "last": np.maximum(old["last"], mine["last"]),
        }
        newer = (mine["model"] > old["model"]) | ((mine["model"] == old["model"]) & (mine["score"] > old["score"]))
        # Without a model there is no score, so an old score of 0 and a new one below it must not be compared.
        newer &= mine["model"] > 0
        for name in ("model", "score"):
            joined[name] = np.where(newer, mine[name], old[name])
        real[known] &= old["cls"] == LIKELY
        support = _support(joined["days"]) != _support(old["days"])
        changed[known] = support | np.any([joined[n] != old[n] for n in ("cls", "first", "model", "score")], axis=0)
        shifted = changed.copy()
        shifted[known] |= (joined["last"] != old["last"]) | (joined["days"][:, 0] != old["days"][:, 0])
        for name, values in joined.items():
            self[name][at[known]] = values
        self.insert(keys[~known], **{name: values[~known] for name, values in new.items()})
        return changed, shifted, real

    def shown(self, at: Array) -> list[Pair]:
        """The pairs at these positions, as evidence has them."""
        columns = [self[name][at].tolist() for name in ("cls", "first", "days", "last", "model", "score")]
        known = (self["days"][at] != NO_DAY).sum(axis=1).tolist()  # the others stand behind them
        return [
            Pair(cls, first, tuple(days[:count]), last, model, score)
            for cls, first, days, last, model, score, count in zip(*columns, known, strict=True)
        ]

    def take(self, kept: Iterable[tuple[int, Pair]]) -> None:
        """Pairs as they were kept, by key, into empty rows."""
        pairs = list(kept)
        days = np.array([(*pair.days, *[NO_DAY] * (MOST_DAYS - len(pair.days))) for _, pair in pairs]).reshape(
            -1, MOST_DAYS
        )
        columns = {
            name: np.array([getattr(pair, name) for _, pair in pairs])
            for name in ("cls", "first", "last", "model", "score")
        }
        self.insert(np.array([key for key, _ in pairs], U64), days=days, **columns)


def _smallest(keys: Array, day: Array, starts: Array) -> Array:
    """The four smallest distinct days of each run of equal keys; both are sorted by key, then day."""
    fresh = np.concatenate(([True], (keys[1:] != keys[:-1]) | (day[1:] != day[:-1]))) & (day != NO_DAY)
    group = np.zeros(len(keys), np.int64)
    group[starts[1:]] = 1
    group = np.cumsum(group)
    rank = np.cumsum(fresh) - 1
    rank = rank - (np.cumsum(fresh) - fresh)[starts][group]
    chosen = fresh & (rank < MOST_DAYS)
    days = np.full((len(starts), MOST_DAYS), NO_DAY, np.uint16)
    days[group[chosen], rank[chosen]] = day[chosen]
    return days


def _support(days: Array) -> Array:
    """A pair has the support of one day, of two or of four."""
    count = (days != NO_DAY).sum(axis=1)
    support: Array = (count >= 4).astype(np.int8) + (count >= 2)
    return support


def _merged(x: Array, y: Array) -> Array:
    both = np.sort(np.concatenate((x, y), axis=1), axis=1)
    both[:, 1:][both[:, 1:] == both[:, :-1]] = NO_DAY
    merged: Array = np.sort(both, axis=1)[:, :MOST_DAYS]
    return merged
