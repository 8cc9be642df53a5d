"""Units of measure and the business day: conversions as data, exact; no floats, no machine's time zone. Pure.

UN/ECE Recommendation 20 (and 21 for packages) is how GS1 messages spell units; product masters spell them in their own
words. `unit_named` leads from the one to the other, and `base_units` into what stock is counted in.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from zoneinfo import ZoneInfo

from contracts.products import Factor

# Recommendation 20 / 21 code → the words for it in product masters, the usual one first.
REC20: Mapping[str, tuple[str, ...]] = {
    "EA": ("each", "piece", "pcs"),
    "C62": ("each", "piece", "pcs"),
    "H87": ("piece", "pcs", "each"),
    "PR": ("pair",),
    "DZN": ("dozen",),
    "SET": ("set",),
    "KGM": ("kg",),
    "GRM": ("g",),
    "MGM": ("mg",),
    "TNE": ("t",),
    "LBR": ("lb",),
    "ONZ": ("oz",),
    "LTR": ("l",),
    "MLT": ("ml",),
    "CLT": ("cl",),
    "GLL": ("gal",),
    "MTR": ("m",),
    "CMT": ("cm",),
    "MMT": ("mm",),
    "MTK": ("m2",),
    "MTQ": ("m3",),
    "CS": ("case",),
    "XCS": ("case",),
    "CT": ("carton", "case"),
    "XCT": ("carton", "case"),
    "BX": ("box",),
    "XBX": ("box",),
    "PK": ("pack",),
    "XPK": ("pack",),
    "PF": ("pallet",),
    "XPX": ("pallet",),
    "BO": ("bottle",),
    "XBO": ("bottle",),
    "BG": ("bag",),
    "XBG": ("bag",),
}
PIECE = "each"
# Ten to this power is far above any stock; numbers beyond it are refused before anything is multiplied.
_LARGEST_EXPONENT = 18
_FINEST_EXPONENT = -12


def unit_named(code: str, units: Mapping[str, Factor]) -> str | None:
    """The unit of a product that a code of Recommendation 20 (or the unit's own name) stands for; None: it has none."""
    for name in (*REC20.get(code, ()), code, code.lower()):
        if name in units:
            return name
    return None


def base_units(quantity: Decimal | str, factor: Factor) -> int | None:
    """`quantity` times `factor`, exactly; None when that is not a whole number, or beyond counting."""
    exact = Decimal(quantity)
    if not exact.is_finite() or (exact and not _FINEST_EXPONENT <= exact.adjusted() <= _LARGEST_EXPONENT):
        return None
    product = Fraction(exact) * factor
    return product.numerator if product.denominator == 1 else None


def factor(text: str) -> Factor | None:
    """A conversion as it is written (`12`, `0.5`, `1/3`), exactly; None for what is no number above zero."""
    top, slash, bottom = text.partition("/")
    if len(text) > 32 or not top.replace(".", "", 1).isascii() or not top.replace(".", "", 1).isdigit():
        return None
    if slash and not (bottom.isascii() and bottom.isdigit() and int(bottom) and "." not in top):
        return None
    exact = Fraction(text) if slash or not top.endswith(".") else None
    if not exact:
        return None
    return exact.numerator if exact.denominator == 1 else exact


# In the database, and yet no place's clock: the machine's own zone, and offsets without a summer time (with the sign turned round).
_NO_ZONE = re.compile(r"(?:localtime|posixrules|Factory|EST|MST|HST|(?:Etc/)?GMT[+-]?[0-9]+)\Z")


@lru_cache(maxsize=4096)
def zone(name: str) -> ZoneInfo | None:
    """The IANA zone of a name such as `Asia/Shanghai`; None for what is none. An offset is no zone: it knows no summer."""
    if not name or name != name.strip() or name.startswith(("/", ".", "posix/", "right/")) or ".." in name:
        return None
    if _NO_ZONE.match(name):
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def business_day(moment: datetime, where: ZoneInfo, day_cut_hour: int = 0) -> date:
    """The business day of an aware moment: the day `d` with `day_start(d) <= moment < day_start(d + 1)`.

    Every moment belongs to exactly one day, and days never go backwards as moments go forwards, also in the nights when
    clocks change: such a day has 23 or 25 hours. Moments of the years 1 and 9999 are not for shops.
    """
    utc = moment.astimezone(UTC)
    local = utc.astimezone(where)
    day = local.date() - timedelta(days=local.hour < day_cut_hour)
    if utc >= day_start(day + timedelta(days=1), where, day_cut_hour):
        return day + timedelta(days=1)
    return day if utc >= day_start(day, where, day_cut_hour) else day - timedelta(days=1)


def day_start(day: date, where: ZoneInfo, day_cut_hour: int = 0) -> datetime:
    """The first moment of a business day, in UTC.

    The cut is an hour of the shop's clock on the wall: of an hour that it shows twice the first pass counts, and where it
    skips the hour, the moment of the skip.
    """
    return datetime(day.year, day.month, day.day, day_cut_hour, tzinfo=where).astimezone(UTC)
