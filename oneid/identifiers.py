"""One spelling for one identifier, and its name without its value. Pure.

FROZEN: everything that was ever told about a member hangs on these values. A change here is a new identifier type with
a migration, never an edit. tests/oneid/test_identifiers.py and test_identifier_types.py pin literal values.

| type | 中文 | its one spelling |
|---|---|---|
| `phone` | 手机号 | E.164: `+8613812345678` |
| `card` | 会员卡号 | 4 to 32 Latin capitals and digits |
| `email` | 邮箱 | lower case, the domain in ASCII (IDNA) |
| `login` | 登录名 | lower case, 2 to 64 characters, no spaces; a phone number or an e-mail is that type's business, not a login |
| `wechat_openid` | 微信 OpenID | as given, 16 to 64 letters, digits, `-`, `_`; with the app before it if known: `wx…:o…` |
| `wechat_unionid` | 微信 UnionID | as given, 16 to 64 letters, digits, `-`, `_` |
| `device` | 设备号 | IMEI, IDFA, OAID …: lower case, without hyphens, 8 to 64 letters and digits, not all the same |
| `cookie` | Cookie | as given, 8 to 256 visible ASCII characters |
| `erp_customer` | ERP 客户编码 | capitals, without spaces and hyphens; leading zeros count |
| `mall_loyalty` | 商场会员号 | like `card` |
| `shop_customer` | 网店顾客号 | the shop's domain, `/` and its number of the customer; lower case, no spaces, 2 to 128 characters |
| `name` | 姓名 | `oneid.names`; only a whole name, simplified or in lower case, without title |
| `address` | 地址 | `oneid.addresses`; only one with a house, a building or a room |

A masked phone number (`138****1234`) names nobody and has no spelling here; `masked_phone` reads it for comparison.
"""

import hmac
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

import phonenumbers

from oneid import addresses, names
from oneid.spelling import plain

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
    spell = _SPELLINGS.get(type)
    return spell(value) if spell else None


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


def masked_phone(value: str, region: str) -> str | None:
    """`138****1234` and the like, as E.164 with `*` for each hidden digit; None unless 4 digits at least are shown.

    Only for comparison, never for a `nid`: ten thousand numbers look like this. Hidden digits are counted, and for
    Chinese mobile numbers, whose length is known, filled up: `138**1234` is `+86138****1234`.
    """
    bare = _BETWEEN_GROUPS.sub("", plain(value))
    shape = _MASKED_PHONE.match(bare)
    if not shape:
        return None
    head, hidden, tail = shape["head"], len(shape["hidden"]), shape["tail"]
    country = shape["country"] or str(phonenumbers.country_code_for_region(region))
    if country == "86" and head.startswith("1"):
        hidden = 11 - len(head) - len(tail)
    if hidden < 1 or len(head) + len(tail) < 4 or len(country + head + tail) + hidden > 15:
        return None
    return f"+{country}{head}{'*' * hidden}{tail}"


@lru_cache(maxsize=1 << 16)
def email(value: str) -> str | None:
    """An e-mail address in lower case, its domain in ASCII. Dots and `+tags` stay: only Google ignores them."""
    bare = re.sub(r"^mailto:|[<>\s]", "", plain(value), flags=re.IGNORECASE).casefold()
    local, _, domain = bare.rpartition("@")
    try:
        ascii_domain = domain.rstrip(".").encode("idna").decode()
    except UnicodeError:
        return None
    fits = _LOCAL_PART.fullmatch(local) and _DOMAIN.fullmatch(ascii_domain) and len(local + ascii_domain) < 254
    return f"{local}@{ascii_domain}" if fits else None


def _login(value: str) -> str | None:
    bare = plain(value).casefold()
    return bare if _LOGIN.fullmatch(bare) and plain(bare).casefold() == bare else None


def _openid(value: str) -> str | None:
    bare = plain(value)
    return bare if _OPENID.fullmatch(bare) else None


def _unionid(value: str) -> str | None:
    bare = plain(value)
    return bare if _UNIONID.fullmatch(bare) else None


def _device(value: str) -> str | None:
    bare = re.sub(r"[{}:]", "", _BETWEEN_GROUPS.sub("", plain(value))).lower()
    # A phone that withholds its number sends zeros.
    return bare if _DEVICE.fullmatch(bare) and len(set(bare)) > 1 else None


def _cookie(value: str) -> str | None:
    bare = plain(value)
    return bare if _COOKIE.fullmatch(bare) else None


def _erp_customer(value: str) -> str | None:
    bare = _BETWEEN_GROUPS.sub("", plain(value))
    return bare.upper() if _ERP_CUSTOMER.fullmatch(bare) else None


def _mall_loyalty(value: str) -> str | None:
    return card(plain(value))


def _shop_customer(value: str) -> str | None:
    bare = plain(value).casefold()
    return bare if _SHOP_CUSTOMER.fullmatch(bare) and plain(bare).casefold() == bare else None


def _name(value: str) -> str | None:
    name = names.parse(value)
    return name.spelling if name and name.known == "full" else None


def _address(value: str) -> str | None:
    address = addresses.parse(value)
    # A spelling that would be read as another address names nothing.
    return address.spelling if address and address.place and addresses.parse(address.spelling) == address else None


_MASKED_PHONE = re.compile(
    r"(?:(?:\+|00)(?P<country>86|85[23]|886|[17]|[2-6]\d|[89]\d))?(?P<head>\d{0,8})(?P<hidden>[*xX#•·●.…]+)(?P<tail>\d{0,8})\Z"
)
_LOCAL_PART = re.compile(r"[^\s@\x00-\x20\"(),:;<>\[\]\\]{1,64}")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")
_LOGIN = re.compile(r"(?!\+?\d{10,}\Z)[^\s@]{2,64}")
_OPENID = re.compile(r"(?:wx[0-9a-f]{16}:)?[0-9A-Za-z_-]{16,64}")
_UNIONID = re.compile(r"[0-9A-Za-z_-]{16,64}")
_DEVICE = re.compile(r"[0-9a-z_]{8,64}")
_COOKIE = re.compile(r"[!-~]{8,256}")
_SHOP_CUSTOMER = re.compile(r"[^\s/]{1,96}/[^\s/]{1,31}")
_ERP_CUSTOMER = re.compile(r"[0-9A-Za-z._/]{1,32}")

_SPELLINGS: dict[str, Callable[[str], str | None]] = {
    "email": email,
    "login": _login,
    "wechat_openid": _openid,
    "wechat_unionid": _unionid,
    "device": _device,
    "cookie": _cookie,
    "erp_customer": _erp_customer,
    "mall_loyalty": _mall_loyalty,
    "shop_customer": _shop_customer,
    "name": _name,
    "address": _address,
}
TYPES = ("phone", "card", *_SPELLINGS)


_NID = re.compile(r"[a-z][a-z0-9_]{0,14}:[0-9a-f]{32}")


def is_nid(text: str) -> bool:
    """Whether a text has the form of a `nid`."""
    return _NID.fullmatch(text) is not None


def nid(tenant_key: bytes, type: str, normalised: str) -> str:
    """The name of an identifier: `type:` and 128 bits of HMAC-SHA-256. Without the key it tells nothing of the value.

    A plain hash would not do: all phone numbers of a country can be hashed in minutes.
    """
    mark = hmac.digest(tenant_key, f"{type}\0{normalised}".encode(), "sha256")[:16]
    return f"{type}:{mark.hex()}"
