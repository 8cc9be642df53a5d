"""The ciphers of identifiers, which never enter the lake: put back into what was made again, from where they still stand.

Any cipher of a nid will do: all of them open with the key of that nid, and none once that key is destroyed.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from contracts.wire import R, decoder, encode


def lacking(values: Iterable[object]) -> set[str]:
    """The nids that stand without their cipher."""
    return {
        holder["nid"] for value in values for holder in _holders(msgspec.to_builtins(value)) if not holder["cipher"]
    }


def found(texts: Iterable[bytes], wanted: set[str]) -> dict[str, str]:
    """The cipher of each of the `wanted` nids that one of these records (JSON) holds; the greatest, as in a profile."""
    ciphers: dict[str, str] = {}
    for text in texts:
        for holder in _holders(_read(text)):
            nid, cipher = holder["nid"], holder["cipher"]
            if cipher and nid in wanted:
                ciphers[nid] = max(ciphers.get(nid, ""), cipher)
    return ciphers


def filled(value: R, ciphers: dict[str, str]) -> R:
    """The record with each cipher that it lacks and that is known."""
    tree = msgspec.json.decode(encode(value))
    for holder in _holders(tree):
        holder["cipher"] = holder["cipher"] or ciphers.get(holder["nid"], "")
    return decoder(type(value))(encode(tree))


def _read(text: bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None


def _holders(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object, however deep, that has a nid and a cipher."""
    if isinstance(tree, dict):
        if isinstance(tree.get("nid"), str) and isinstance(tree.get("cipher"), str):
            yield tree
        for inner in tree.values():
            yield from _holders(inner)
    elif isinstance(tree, list | tuple):
        for inner in tree:
            yield from _holders(inner)
