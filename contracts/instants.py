"""Moments as text: RFC 3339 in UTC, in one spelling, so that equal moments are equal strings."""

from datetime import UTC, datetime


def utc(at: str) -> str:
    """The moment `at` (RFC 3339 with an offset) in UTC: `2026-11-22T02:30:00Z`, with six decimals unless all are zero.

    Raises `ValueError` for what is not a moment of the calendar with an offset, and for one that UTC cannot name.
    """
    moment = datetime.fromisoformat(at)
    # `fromisoformat` also takes +08:75, and text without an offset; RFC 3339 takes neither.
    if moment.tzinfo is None or (at[-1] != "Z" and at[-2:] > "59"):
        raise ValueError("not an offset of RFC 3339")
    try:
        return spelt(moment)
    except OverflowError:
        raise ValueError("outside the years that UTC can name") from None


def spelt(moment: datetime) -> str:
    """An aware moment as `utc` spells it."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def latest(a: str, b: str) -> str:
    """The later of two moments spelt by `utc`."""
    # Without the Z: "…:00.5Z" sorts before "…:00Z" because "." sorts before "Z".
    return a if a[:-1] >= b[:-1] else b
