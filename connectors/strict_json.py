"""Why bytes are not the JSON that a feed's format asks for. Shared by every format that is JSON.

Pure, and it never raises, whatever the bytes are. What it says holds no value of theirs: msgspec's own messages do.
"""

import json
import re
from collections import Counter
from itertools import accumulate
from typing import Any

import msgspec

from contracts.refusals import Refused

# No feed nests deeper than a dozen levels. The limit is far above, and fixed: Python's own limit depends on who calls.
MAX_DEPTH = 32
BOM = b"\xef\xbb\xbf"  # RFC 8259 lets a reader pass over it, and Windows exports write it

# Strings are passed over whole and never tried twice (possessive), so a hostile line costs linear time.
_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in _STEPS)
_FIELD = re.compile(r"field `([^`]*)`")
_PATH = re.compile(r" - at `\$\.?(\S*)`$")
_INDEX = re.compile(r"\[(\d+)\]")
# A field's name may be shown when it cannot be somebody's number.
_PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z_]{0,31}\Z")


def unreadable(text: bytes) -> Refused | None:
    """Why the bytes are no JSON object at all. Asked before the fields, since a cut line has every kind of fault."""
    refused = _beneath(text)
    if refused:
        return refused
    try:
        msgspec.json.decode(text)
    except msgspec.ValidationError:
        return None  # whole, with a number that no field can hold
    except (msgspec.DecodeError, RecursionError):
        return Refused("not_json")
    return None


def _beneath(text: bytes) -> Refused | None:
    """What is wrong below JSON itself."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return Refused("not_utf8")
    return Refused("too_deep") if too_deep(text) else None


def too_deep(text: bytes) -> bool:
    brackets = _STRINGS.sub(b"", text).translate(None, _NO_BRACKETS)
    return max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > MAX_DEPTH


def misshapen(message: str, times: tuple[str, ...] = ()) -> Refused:
    """msgspec's complaint as a code and a place; nothing else of it is kept, because it quotes values of the record.

    `times` are the fields in which a value that is not allowed is a moment that is none.
    """
    found = _PATH.search(message)
    place = _INDEX.sub(lambda n: f"[{int(n.group(1)) + 1}]", found.group(1)) if found else ""
    if message.startswith("Object missing required field"):
        return Refused("missing", _within(place, message))
    if message.startswith("Object contains unknown field"):
        return Refused("unknown_field", _within(place, message))
    if message.startswith("Expected") and ", got " in message:
        return Refused("wrong_type" if place else "not_json", place)
    return Refused("bad_time" if place.rsplit(".", 1)[-1] in times else "bad_value", place)


def _within(place: str, message: str) -> str:
    found = _FIELD.search(message)
    name = found.group(1) if found else ""
    return ".".join(part for part in (place, name if _PLAIN_NAME.match(name) else "") if part)


class Fields:
    """An `object_pairs_hook` that makes dictionaries, and keeps the first name that an object had twice (None: none had)."""

    def __init__(self) -> None:
        self.twice: str | None = None

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) < len(pairs) and self.twice is None:
            often = Counter(name for name, _ in pairs)  # counted once: a hostile object has a hundred thousand names
            self.twice = next(name for name, _ in pairs if often[name] > 1)
        return fields


def written_twice(text: bytes) -> Refused | None:
    """Refuses what JSON leaves open: a field written twice (readers keep one and drop the other silently).

    The text must be whole JSON that nests no deeper than `MAX_DEPTH`.
    """
    fields = Fields()
    # Numbers are not converted: Python refuses to read one of more than 4300 digits.
    json.loads(text, object_pairs_hook=fields, parse_int=len, parse_float=len)
    if fields.twice is None:
        return None
    return Refused("written_twice", fields.twice if _PLAIN_NAME.match(fields.twice) else "")


def loose(text: bytes) -> Refused | None:
    """What a reader that passes over unknown fields would overlook in them: bad UTF-8, great depth, a field twice.

    For text that was read already. None when there is nothing of the kind.
    """
    try:
        return _beneath(text) or written_twice(text)
    except (ValueError, RecursionError):
        return Refused("not_json")
