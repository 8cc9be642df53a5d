"""What JSON leaves open, and texts made to keep a reader busy."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.strict_json import MAX_DEPTH, Fields, loose, too_deep, written_twice
from contracts.refusals import Refused


def _depth(text: bytes) -> int:
    """The greatest depth, one byte after the other."""
    depth = most = 0
    inside = escaped = False
    for byte in text:
        if inside:
            inside, escaped = escaped or byte != ord('"'), not escaped and byte == ord("\\")
            continue
        inside = byte == ord('"')
        depth += (byte in b"[{") - (byte in b"]}")
        most = max(most, depth)
    return most


@given(st.lists(st.sampled_from([b"[", b"{", b"]", b"}", b'"', b"\\", b"[" * MAX_DEPTH, b"x\n"])).map(b"".join))
def test_depth_is_that_of_brackets_outside_texts(text: bytes) -> None:
    assert too_deep(text) == (_depth(text) > MAX_DEPTH)


@pytest.mark.parametrize(
    ("text", "name"),
    [(b'{"a": 1, "b": 2, "b": 3, "a": 4}', "a"), (b'{"a": {"c": 1, "c": 1}, "b": 2, "b": 3}', "c"),
     (b'{"a": [{"d": 1}, {"d": 1}], "b": 1, "b": 1}', "b"), (b'{"a": 1, "A": 1}', None)],
)  # fmt: skip
def test_of_fields_written_twice_the_first_is_told(text: bytes, name: str | None) -> None:
    fields = Fields()
    json.loads(text, object_pairs_hook=fields)
    assert fields.twice == name
    assert written_twice(text) == (Refused("written_twice", name) if name else None)


def test_a_field_twice_is_found_among_half_a_million() -> None:
    """With a search for each name this would take an hour."""
    text = json.dumps(dict.fromkeys(map(str, range(500_000)), 0)).encode()
    assert loose(text) is None
    assert loose(text[:-1] + b', "last": 1, "last": 1}') == Refused("written_twice", "last")
