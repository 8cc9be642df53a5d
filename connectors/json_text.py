"""JSON objects with exact numbers, and places in them. For formats whose fields cannot all be named beforehand.

Pure; never raises, for any bytes, and takes linear time: decoders ask it about what others send.
"""

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.strict_json import Fields
from contracts.refusals import Refused

# A field's name may be shown when it cannot be somebody's number.
_PLAIN_NAME = re.compile(r"@?[A-Za-z_][A-Za-z_]{0,39}\Z")
_LONGEST_NUMBER = 64


def parsed(text: bytes) -> Any | Refused:
    """The value of a text that `strict_json.unreadable` lets pass, with exact decimals; refused when a field is written twice."""
    fields = Fields()
    try:
        value = json.loads(text, object_pairs_hook=fields, parse_float=_exact, parse_int=_whole)
    except (ValueError, RecursionError, InvalidOperation):
        return Refused("bad_value")
    return value if fields.twice is None else Refused("written_twice", shown(fields.twice))


def _exact(digits: str) -> Decimal:
    if len(digits) > _LONGEST_NUMBER:
        raise ValueError("no field holds such a number")
    return Decimal(digits)


def _whole(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise ValueError("no field holds such a number")
    return int(digits)


def shown(name: str) -> str:
    """A field's name for a refusal's place; "" when it might be a value that somebody wrote as a name."""
    return name if _PLAIN_NAME.match(name) else ""


def place(path: "list[str | int]") -> str:
    """A path into a record as people read it: `lines[3].unit` is the unit of the third line."""
    text = ""
    for step in path:
        text += f"[{step + 1}]" if isinstance(step, int) else f".{shown(step) or '_'}"
    return text.lstrip(".")
