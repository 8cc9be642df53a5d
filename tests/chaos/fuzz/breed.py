"""Hostile inputs, bred from good ones: damaged bytes, damaged values, and now and then something huge. Seeded."""

import json
import random
import re
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

# What breaks readers: edges of numbers, times, texts and encodings.
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 1e308, -0.0, 2**31, 2**63, 2**64, -(2**63) - 1, 10**30, "", " ", "\n", "\u0000", "0", "-0",
    "1e9", "1E-400", "NaN", "Infinity", "٣", "１２", "12.30\n", "1" * 400, "0." + "0" * 400, "9" * 15 + "." + "9" * 12,
    "a" * 65, "é" * 300, "😀", "\u202e", "{}", "null", [], {}, [[]], [None], {"": ""}, {"a": {"a": {"a": 1}}},
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59+00:01", "9999-12-31T23:59:59-23:59", "2026-02-29T00:00:00Z",
    "2026-11-22T24:00:00Z", "2026-11-22T10:30:60+08:00", "2026-11-22T10:30:00.123456789Z", "2026-11-22 10:30:00Z",
    "20261122T103000Z", "2026-11-22T10:30:00+99:99", "13812345678", "a@b.cn", "a@" + "b" * 250 + ".cn", "$ref", "__proto__",
    "%s%n", "' OR 1=1 --", "<!ENTITY x>", "=cmd()", "|", "\\", "\x7f", "\ufeff",
)  # fmt: skip
BYTES = (
    b"\x00", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xef\xbb\xbf", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":",
    b"\\u0000", b"\\ud800", b"1e999", b"-", b"null", b"\r\n", b"\n",
)  # fmt: skip
HUGE_EVERY = 4_000

Breeder = Callable[[random.Random, Sequence[bytes]], bytes]


def bred(dice: random.Random, n: int, examples: Sequence[bytes], as_json: bool) -> bytes:
    """The input of number `n`. The same state of the dice gives the same bytes."""
    if n % HUGE_EVERY == HUGE_EVERY - 1:
        return dice.choice(JSON_HUGE if as_json else HUGE)(dice, examples)
    if as_json and dice.random() < 0.6:
        return _values(dice, examples)
    return _bytes(dice, examples)


def _values(dice: random.Random, examples: Sequence[bytes]) -> bytes:
    """An example with some of its values exchanged, dropped, doubled or renamed."""
    whole = json.loads(dice.choice(examples))
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        _change(dice, whole)
    text = json.dumps(whole, ensure_ascii=dice.random() < 0.5).encode(errors="replace")
    return _bytes(dice, (text,)) if dice.random() < 0.1 else text


def _change(dice: random.Random, whole: Any) -> None:
    at = whole
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not keys:
            return
        key = dice.choice(keys)
        inner = at[key]
        if isinstance(inner, dict | list) and inner and dice.random() < 0.75:
            at = inner
            continue
        break
    done = dice.random()
    if done < 0.6:
        at[key] = deepcopy(dice.choice(VALUES))  # a second change may go into it
    elif done < 0.75:
        del at[key]
    elif isinstance(at, dict):
        at[dice.choice((f"{key} ", "x", "", "13812345678", key.upper()))] = inner
    else:
        at.extend(deepcopy(inner) for _ in range(dice.choice((1, 2, 50))))


def _bytes(dice: random.Random, examples: Sequence[bytes]) -> bytes:
    """An example with bytes flipped, cut, doubled, put in, or joined with another."""
    text = bytearray(dice.choice(examples))
    for _ in range(dice.choice((1, 1, 2, 3, 8))):
        at = dice.randrange(len(text) + 1)
        match dice.randrange(6):
            case 0 if at < len(text):
                text[at] ^= 1 << dice.randrange(8)
            case 1:
                text[at : at + dice.randrange(1, 40)] = b""
            case 2:
                text[at:at] = text[at : at + dice.randrange(1, 200)]
            case 3:
                text[at:at] = dice.choice(BYTES)
            case 4:
                other = dice.choice(examples)
                text[at:] = other[dice.randrange(len(other) + 1) :]
            case _:
                text[at:at] = dice.randbytes(dice.randrange(1, 12))
    return bytes(text)


def _deep(dice: random.Random, _: Sequence[bytes]) -> bytes:
    opening = dice.choice((b"[", b'{"a":'))
    return opening * dice.choice((40, 5_000, 200_000))


def _deep_inside(dice: random.Random, examples: Sequence[bytes]) -> bytes:
    depth = dice.choice((31, 33, 100, 100_000))
    return dice.choice(examples).replace(b"{", b'{"deep": ' + b"[" * depth + b"]" * depth + b", ", 1)


def _long_text(dice: random.Random, examples: Sequence[bytes]) -> bytes:
    text = dice.choice((b"a", b"\\u00e9", b'\\"', b"\\\\", "王".encode(), b"9")) * 150_000
    return dice.choice(examples).replace(b"{", b'{"long": "' + text + b'", ', 1)


def _long_number(dice: random.Random, examples: Sequence[bytes]) -> bytes:
    number = dice.choice((b"9" * 900_000, b"0." + b"9" * 900_000, b"1e" + b"9" * 300_000, b"1" * 5_000))
    return dice.choice(examples).replace(b": 1", b": " + number, 1).replace(b":1", b":" + number, 1)


def _many_keys(dice: random.Random, examples: Sequence[bytes]) -> bytes:
    same = dice.random() < 0.5
    keys = b"".join(b'"k%d": 1, ' % (0 if same else n) for n in range(60_000))
    return dice.choice(examples).replace(b"{", b"{" + keys, 1)


def _twice_at_last(_: random.Random, examples: Sequence[bytes]) -> bytes:
    keys = b"".join(b'"k%d": 1, ' % n for n in range(60_000))
    return examples[0].replace(b"{", b"{" + keys + b'"k59999": 1, ', 1)


def _many_brackets(dice: random.Random, examples: Sequence[bytes]) -> bytes:
    inner = dice.choice((b"{}", b"[]", b'{"a": 1}', b'""'))
    return dice.choice(examples).replace(b"{", b'{"many": [' + (inner + b",") * 220_000 + inner + b"], ", 1)


def _many_elements(dice: random.Random, examples: Sequence[bytes]) -> bytes:
    text = dice.choice(examples)
    ends = [found.start() for found in re.finditer(b"</", text)] or [len(text)]
    at = dice.choice(ends)
    return text[:at] + dice.choice((b"<a/>", b"<!---->", b"&amp;", b",", b"\n")) * 220_000 + text[at:]


def _many_items(dice: random.Random, examples: Sequence[bytes]) -> bytes:
    whole = json.loads(dice.choice(examples))
    lists = [inner for inner in _inside(whole) if isinstance(inner, list) and inner]
    if lists:
        chosen = dice.choice(lists)
        chosen.extend(chosen * (900_000 // max(1, len(json.dumps(chosen)))))
    return json.dumps(whole).encode()


def _many_different(dice: random.Random, examples: Sequence[bytes]) -> bytes:
    """A list of texts or objects made long, each text in it another."""
    whole = json.loads(dice.choice(examples))
    lists = [inner for inner in _inside(whole) if isinstance(inner, list) and inner]
    if lists:
        chosen = dice.choice(lists)
        item = json.dumps(chosen[0])
        many = (re.sub(r'(?<=[0-9a-z])"(?!:)', f'{n}"', item) for n in range(900_000 // (len(item) + 6)))
        chosen.extend(map(json.loads, many))
    return json.dumps(whole).encode()


def _inside(value: Any) -> list[Any]:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [value, *(found for one in inner for found in _inside(one))]


def _noise(dice: random.Random, _: Sequence[bytes]) -> bytes:
    return dice.randbytes(900_000)


def _quotes(dice: random.Random, _: Sequence[bytes]) -> bytes:
    return dice.choice((b'"', b'\\"', b'{"', b'["', b'"\\')) * 300_000


HUGE: tuple[Breeder, ...] = (_deep, _deep_inside, _long_text, _long_number, _many_keys, _many_elements, _noise, _quotes)
JSON_HUGE: tuple[Breeder, ...] = (*HUGE, _many_items, _many_different, _twice_at_last, _many_brackets)
