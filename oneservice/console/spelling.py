"""Numbers, money and moments as people read them. Pure."""

from datetime import UTC, date, datetime
from decimal import Decimal

from contracts.instants import spelt
from contracts.money import DECIMALS
from oneservice.answers import plain

NOTHING = "–"
_STEPS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
_UNITS = {
    "zh": {"day": "天", "hour": "小时", "minute": "分钟", "second": "秒"},
    "en": {"day": "d", "hour": "h", "minute": "min", "second": "s"},
}


def number(value: object) -> str:
    """`1,234`; at most one decimal place."""
    if value is None:
        return NOTHING
    if isinstance(value, int):
        return f"{value:,}"
    shown = f"{value:,.1f}"
    return shown.removesuffix(".0")


def major(cents: int, currency: str) -> float:
    """Minor units as the amount that people say, for a chart. Sums are done before, in minor units."""
    return float(Decimal(cents).scaleb(-DECIMALS.get(currency, 2)))


def money(cents: int | None, currency: str) -> str:
    """`1,234.50 CNY`."""
    if cents is None:
        return NOTHING
    places = DECIMALS.get(currency, 2)
    return f"{Decimal(cents).scaleb(-places):,.{places}f} {currency}"


def amount(cents: int | None, currency: str) -> str:
    """`money` without the currency, for a column whose head names it."""
    return money(cents, currency).removesuffix(f" {currency}")


def permille(value: int | None) -> str:
    return NOTHING if value is None else f"{value / 10:.1f} %"


def moment(at: datetime | str | None) -> str:
    """`2026-11-22 14:03:05Z`, to the second."""
    if at is None or at == "":
        return NOTHING
    known = datetime.fromisoformat(at) if isinstance(at, str) else at
    return known.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def ago(seconds: float | None, language: str) -> str:
    """An age in its largest unit: `3 min`, `3 分钟`."""
    if seconds is None:
        return NOTHING
    size, unit = next((step for step in _STEPS if seconds >= step[0]), _STEPS[-1])
    return f"{int(seconds // size)} {_UNITS[language][unit]}"


def cell(value: object) -> str:
    """Any value of an answer, in a table."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return spelt(value) if value.tzinfo else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(plain(value))
