"""GS1 identifiers as EPC URNs and GS1 Digital Link URIs: what they name, and whether they can be right. Pure.

Lengths and the check digit are those of the GS1 General Specifications (7.9); the URNs are those of the EPC Tag Data
Standard (section 6), the Digital Link paths those of GS1 Digital Link (section 4). Identifiers of other schemes are
nobody's mistake: they are `other`, as they stand.
"""

import re
from collections.abc import Mapping
from urllib.parse import unquote

import msgspec

PREFIX_DIGITS = (6, 12)


class Identifier(msgspec.Struct, frozen=True, gc=False):
    """`key` is the digits with their check digit (GTIN-14, SSCC-18, GLN-13 …); for `other` the URI itself.

    A `gtin` with a serial is one thing, with a lot a batch of them, with neither any of them. `extension` is that of a GLN.
    `prefix` is the GS1 company prefix, which a URN tells and a Digital Link does not.
    """

    kind: str
    key: str
    serial: str = ""
    lot: str = ""
    extension: str = ""
    prefix: str = ""
    expires: str = ""  # YYMMDD of a Digital Link's ?17=


class Wrong(msgspec.Struct, frozen=True, gc=False):
    """Why a URI that claims to be a GS1 identifier is none: a code of `contracts.refusals`."""

    code: str


class _Urn(msgspec.Struct, frozen=True):
    kind: str
    digits: int  # of company prefix and reference together, without the check digit; 0: the reference is no number
    parts: int  # after the scheme's name
    checked: bool = True  # the number ends in a check digit, which the URN leaves out


_SCHEMES: Mapping[str, _Urn] = {
    "id:sgtin": _Urn("gtin", 13, 3),
    "class:lgtin": _Urn("gtin", 13, 3),
    "idpat:sgtin": _Urn("gtin", 13, 3),
    "id:upui": _Urn("upui", 13, 3),
    "id:itip": _Urn("itip", 13, 5),
    "id:sscc": _Urn("sscc", 17, 2),
    "id:sgln": _Urn("gln", 12, 3),
    "id:pgln": _Urn("party", 12, 2),
    "id:grai": _Urn("grai", 12, 3),
    "id:gdti": _Urn("gdti", 12, 3),
    "id:sgcn": _Urn("gcn", 12, 3),
    "id:gsrn": _Urn("gsrn", 17, 2),
    "id:gsrnp": _Urn("gsrnp", 17, 2),
    "id:gsin": _Urn("gsin", 16, 2),
    "id:giai": _Urn("giai", 0, 2),
    "id:ginc": _Urn("ginc", 0, 2),
    "id:cpi": _Urn("cpi", 0, 3),
}
# Application identifiers that name a thing: kind, digits with the check digit (0: letters too, unchecked).
_PRIMARY: Mapping[str, tuple[str, int]] = {
    "00": ("sscc", 18),
    "01": ("gtin", 14),
    "253": ("gdti", 13),
    "255": ("gcn", 13),
    "401": ("ginc", 0),
    "402": ("gsin", 17),
    "414": ("gln", 13),
    "417": ("party", 13),
    "8003": ("grai", 14),
    "8004": ("giai", 0),
    "8006": ("itip", 18),
    "8010": ("cpi", 0),
    "8017": ("gsrnp", 18),
    "8018": ("gsrn", 18),
}
# Service relations number people: such a number is passed on as its kind only.
PERSONAL = frozenset({"gsrn", "gsrnp"})

_REFERENCE = re.compile(r"(?:[A-Za-z0-9!'()*+,\-:;=_]|%[0-9A-Fa-f]{2}){1,30}\Z")
_SERIAL = re.compile(r"(?:[A-Za-z0-9!'()*+,\-.:;=_/]|%[0-9A-Fa-f]{2}){1,60}\Z")
_DIGITS = re.compile(r"[0-9]+\Z")
_TOO_LONG = 2048


def check_digit(digits: str) -> str:
    """The GS1 check digit (modulo 10, weights 3 and 1 from the right) of a number that still lacks it."""
    total = sum(int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(reversed(digits)))
    return str(-total % 10)


def is_whole(number: str) -> bool:
    """Whether the last digit is the check digit of the others."""
    return len(number) > 1 and bool(_DIGITS.match(number)) and check_digit(number[:-1]) == number[-1]


def identify(uri: str) -> Identifier | Wrong:
    """What a URI names. `Wrong` only for one that claims to be a GS1 key and cannot be."""
    if len(uri) > _TOO_LONG:
        return Wrong("epcis_identifier")
    if uri.startswith("urn:epc:"):
        return _urn(uri)
    if uri.startswith(("https://", "http://")):
        return _digital_link(uri)
    return Identifier("other", uri)


def _urn(uri: str) -> Identifier | Wrong:
    scheme, _, rest = uri[len("urn:epc:") :].partition(":")
    name, _, rest = rest.partition(":")
    urn = _SCHEMES.get(f"{scheme}:{name}")
    if urn is None:
        # Schemes without a GS1 company prefix (gid, usdod, adi, bic, imovn), raw tags and patterns of other keys.
        return Identifier("other", uri) if scheme in {"id", "class", "idpat", "tag", "pat", "raw"} and rest else _WRONG
    parts = rest.split(".", urn.parts - 1)
    if not _fits(urn, parts, pattern=scheme == "idpat"):
        return _WRONG
    if not urn.digits or parts[1] == "*":
        return Identifier(urn.kind if urn.digits == 0 else "other", uri, prefix=parts[0])
    return _numbered(urn.kind, scheme, parts)


def _fits(urn: _Urn, parts: list[str], *, pattern: bool) -> bool:
    """Whether the parts of a URN are as many and as long as its scheme has them."""
    if len(parts) != urn.parts or not _is_prefix(parts[0]):
        return False
    reference, tail = parts[1], parts[2:]
    if not all(_SERIAL.match(t) for t in tail) or (not pattern and "*" in tail):
        return False
    if not urn.digits or (pattern and reference == "*"):
        return bool(_REFERENCE.match(reference))
    digits = not reference or bool(_DIGITS.match(reference))
    return digits and len(parts[0]) + len(reference) == urn.digits


def _numbered(kind: str, scheme: str, parts: list[str]) -> Identifier:
    prefix, reference, *tail = parts
    last = unquote(tail[-1]) if tail else ""
    key = _with_check(kind, prefix, reference)
    if kind == "gln":
        return Identifier("gln", key, extension="" if last == "0" else last, prefix=prefix)
    if kind == "gtin" and scheme == "class":
        return Identifier("gtin", key, lot=last, prefix=prefix)
    return Identifier(kind, key, serial="" if scheme == "idpat" else last, prefix=prefix)


_WRONG = Wrong("epcis_identifier")


def _is_prefix(text: str) -> bool:
    return bool(_DIGITS.match(text)) and PREFIX_DIGITS[0] <= len(text) <= PREFIX_DIGITS[1]


def _with_check(kind: str, prefix: str, reference: str) -> str:
    # In a GTIN and an SSCC the first digit of the reference (indicator, extension) stands before the company prefix.
    leads = kind in {"gtin", "upui", "itip", "sscc"} and reference
    body = reference[0] + prefix + reference[1:] if leads else prefix + reference
    return body + check_digit(body)


def _digital_link(uri: str) -> Identifier | Wrong:
    path, _, query = uri.split("#", 1)[0].partition("?")
    segments = path.split("/")[3:]
    for i in range(len(segments) - 1):
        if segments[i] in _PRIMARY and (key := _key(*_PRIMARY[segments[i]], segments[i + 1])) is not None:
            return key if isinstance(key, Wrong) else _qualified(key, segments[i + 2 :], query)
    return Identifier("other", uri)


def _key(kind: str, digits: int, text: str) -> Identifier | Wrong | None:
    """The key that a path's value spells; None when it looks like part of another site's path."""
    value = unquote(text)
    if not digits:
        return Identifier(kind, value) if _REFERENCE.match(text) else None
    number = value[:digits]
    if not _DIGITS.match(number):
        return None
    if kind == "gtin" and len(value) in {8, 12, 13, 14}:
        number = value.zfill(14)
    if len(number) != digits or (kind == "gtin" and len(value) > digits):
        return Wrong("epcis_identifier")
    if not is_whole(number[:14] if kind == "itip" else number):
        return Wrong("epcis_check_digit")
    # The serials of documents, coupons and returnable assets follow their number at once.
    return Identifier(kind, number, serial=value[digits:] if kind != "gtin" else "")


def _qualified(key: Identifier, segments: list[str], query: str) -> Identifier | Wrong:
    if len(segments) % 2 and segments != [""]:
        return Wrong("epcis_identifier")
    pairs = [(segments[i], unquote(segments[i + 1])) for i in range(0, len(segments) - 1, 2)]
    questions = [(name, value) for name, equals, value in (part.partition("=") for part in query.split("&")) if equals]
    found, asked = dict(pairs), dict(questions)
    # Of two lots or two days nobody can tell which one is meant, and a day that is none says nothing.
    if len(found) < len(pairs) or sum(name == "17" for name, _ in questions) > 1:
        return Wrong("epcis_identifier")
    if "17" in asked and not expiry_day(asked["17"]):
        return Wrong("epcis_identifier")
    return msgspec.structs.replace(
        key,
        lot=found.get("10", ""),
        serial=found.get("21", key.serial),
        extension=found.get("254", ""),
        expires=asked.get("17", ""),
    )


def expiry_day(yymmdd: str) -> str:
    """The day of an AI (17) as YYYY-MM-DD, day 00 meaning the last of the month; "" for what is no day.

    The century is the one of 51 years back to 49 ahead of 2026, as the General Specifications (7.12) window it.
    """
    if not re.match(r"[0-9]{6}\Z", yymmdd):
        return ""
    year, month, day = 2000 + int(yymmdd[:2]), int(yymmdd[2:4]), int(yymmdd[4:])
    year -= 100 if year - 2026 > 49 else 0
    if not 1 <= month <= 12:
        return ""
    last = 29 if month == 2 and year % 4 == 0 and (year % 100 or not year % 400) else _LAST[month - 1]
    return f"{year:04}-{month:02}-{day or last:02}" if day <= last else ""


_LAST = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
