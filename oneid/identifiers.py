"""One spelling for one identifier, and its name without its value. Pure.

FROZEN: everything that was ever told about a member hangs on these values. A change here is a new identifier type with
a migration, never an edit. tests/oneid/test_identifiers.py pins literal values.
"""

import hmac
import re
import unicodedata
from functools import lru_cache

import phonenumbers

_CARD = re.compile(r"[0-9A-Za-z]{4,32}\Z")
# Spaces of any width, and every dash that people and label printers put between groups of digits.
_BETWEEN_GROUPS = re.compile(r"[\s\-‐‑‒–—―−]+")


def normalise(type: str, value: str, region: str) -> str | None:
    """The one spelling of an identifier, or None when the value cannot be what its type says.

    `region` is the country of phone numbers that are written without one ("CN"). Never raises, for any text.
    """
    if type == "card":
        return card(value)
    if type == "phone":
        return phone(value, region)
    return None


def card(value: str) -> str | None:
    """A member card number: 4 to 32 Latin letters and digits, in capitals, without spaces and hyphens."""
    bare = _BETWEEN_GROUPS.sub("", unicodedata.normalize("NFKC", value))
    # Before `upper`, which makes Latin letters of others (ß, ı): such a text is no card number.
    return bare.upper() if _CARD.match(bare) else None


@lru_cache(maxsize=1 << 17)
def phone(value: str, region: str) -> str | None:
    """A phone number in E.164 (`+8613812345678`), if the numbering plans know such a number."""
    try:
        number = phonenumbers.parse(unicodedata.normalize("NFKC", value), region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def nid(tenant_key: bytes, type: str, normalised: str) -> str:
    """The name of an identifier: `type:` and 128 bits of HMAC-SHA-256. Without the key it tells nothing of the value.

    A plain hash would not do: all phone numbers of a country can be hashed in minutes.
    """
    mark = hmac.digest(tenant_key, f"{type}\0{normalised}".encode(), "sha256")[:16]
    return f"{type}:{mark.hex()}"
