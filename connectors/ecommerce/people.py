"""Names of people in the messages of web shops and apps. Pure. They leave the first job only as tokens."""

import re

import msgspec

_HAN = re.compile("[\u3400-\u9fff]")
_MOST = 255
_read = msgspec.json.Decoder(str).decode


def words(raw: msgspec.Raw) -> str:
    """A text of at most 255 characters; "" for everything else: a name costs nobody a message. Never raises."""
    try:
        text = _read(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return text.strip() if len(text) <= _MOST else ""


def full_name(first: str, last: str) -> str:
    """张伟, but Anna Müller."""
    return f"{last}{first}" if _HAN.search(last + first) else f"{first} {last}".strip()
