"""Chance, from a seed: a draw depends on (seed, purpose, keys) and on nothing else.

No generator is advanced, so a receipt keeps its till and tenders whatever else is in the world, and the order in which
Polars visits rows cannot matter. Polars' own `hash` is not used: it may change with its release.
"""

from collections.abc import Sequence
from hashlib import blake2b

import msgspec
import polars as pl

_M1, _M2 = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def _u64(value: int) -> pl.Expr:
    return pl.lit(value, dtype=pl.UInt64)


def _shifted(z: pl.Expr, bits: int) -> pl.Expr:
    # Polars has no shift; dividing by a power of two is one.
    return z ^ (z // _u64(1 << bits))


def _mix(z: pl.Expr) -> pl.Expr:
    """SplitMix64's finaliser. Unsigned 64-bit arithmetic of Polars wraps, which a test pins."""
    z = _shifted(z, 30) * _u64(_M1)
    z = _shifted(z, 27) * _u64(_M2)
    return _shifted(z, 31)


class Dice(msgspec.Struct, frozen=True):
    seed: int

    def bits(self, purpose: str, *keys: str) -> pl.Expr:
        """64 even bits for the integer columns `keys` (none may be negative)."""
        # One sum and one mix: each mix names its input eight times, so a mix per key would make plans explode.
        z = _u64(self._constant(purpose, 0))
        for n, key in enumerate(keys, 1):
            z = z + pl.col(key).cast(pl.UInt64) * _u64(self._constant(purpose, n) | 1)
        return _mix(z)

    def _constant(self, purpose: str, n: int) -> int:
        return int.from_bytes(blake2b(f"{self.seed}|{purpose}|{n}".encode(), digest_size=8).digest(), "little")

    def unit(self, purpose: str, *keys: str) -> pl.Expr:
        """A float in [0, 1)."""
        return (self.bits(purpose, *keys) // _u64(1 << 11)).cast(pl.Float64) / float(1 << 53)

    def below(self, n: int | pl.Expr, purpose: str, *keys: str) -> pl.Expr:
        """A whole number in 0..n-1."""
        return (self.unit(purpose, *keys) * n).floor().cast(pl.Int64)

    def choice(self, among: Sequence[str], purpose: str, *keys: str) -> pl.Expr:
        """One of `among`, evenly; name one twice to make it twice as likely."""
        return self.below(len(among), purpose, *keys).replace_strict(
            list(range(len(among))), list(among), return_dtype=pl.String
        )
