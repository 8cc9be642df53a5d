"""Ways to spoil a message: each breaks one thing, so the code of the refusal does not depend on the order of the checks."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

# A good message and a rank (so that there are variants) → its spoiled form; None: this one cannot be spoiled that way.
Spoiler = Callable[[bytes, int], bytes | None]
Change = Callable[[dict[str, Any], int], bool | None]
GBK_NAMES = ("王芳", "李娜", "张伟", "刘洋")
_encode = msgspec.json.encode


def cut_off(body: bytes, _rank: int) -> bytes:
    """As a file whose disk was full. Not within a character: that would break a second thing."""
    return body[: len(body) * 2 // 3].decode(errors="ignore").encode()


def gbk(body: bytes, rank: int) -> bytes | None:
    """One text of the message in the encoding of an old system."""
    whole = msgspec.json.decode(body)
    whole["?"] = ""
    name = GBK_NAMES[rank % len(GBK_NAMES)].encode("gbk")
    return _encode(whole).replace(b'"?":""', b'"note":"' + name + b'"')


def twice(field: str) -> Spoiler:
    """A field of the outermost object, written a second time."""

    def spoil(body: bytes, _rank: int) -> bytes | None:
        whole = msgspec.json.decode(body)
        if field not in whole:
            return None
        return body[:-1] + b',"' + field.encode() + b'":' + _encode(whole[field]) + b"}"

    return spoil


def changed(change: Change) -> Spoiler:
    """The message with a change made in it. A change that returns False could not be made."""

    def spoil(body: bytes, rank: int) -> bytes | None:
        whole = msgspec.json.decode(body)
        return None if change(whole, rank) is False else _encode(whole)

    return spoil


def put(value: Any, *path: str | int) -> Spoiler:
    """Another value at a place that the message has."""

    def change(whole: dict[str, Any], _rank: int) -> bool:
        return _at(whole, path, lambda parent, name: parent.__setitem__(name, value))

    return changed(change)


def without(*path: str | int) -> Spoiler:
    """The message without the field at a place that it has."""

    def change(whole: dict[str, Any], _rank: int) -> bool:
        return _at(whole, path, lambda parent, name: parent.__delitem__(name))

    return changed(change)


def renamed(new: str, *path: str | int) -> Spoiler:
    """A field under another name: what a release of the sender did without telling anybody."""

    def change(whole: dict[str, Any], _rank: int) -> bool:
        return _at(whole, path, lambda parent, name: parent.__setitem__(new, parent.pop(name)))

    return changed(change)


def _at(whole: Any, path: Sequence[str | int], do: Callable[[Any, Any], object]) -> bool:
    for step in path[:-1]:
        whole = _step(whole, step)
    last = path[-1]
    if _step(whole, last) is None:
        return False
    do(whole, last)
    return True


def _step(whole: Any, step: str | int) -> Any:
    if isinstance(step, int):
        return whole[step] if isinstance(whole, list) and len(whole) > step else None
    return whole.get(step) if isinstance(whole, dict) else None
