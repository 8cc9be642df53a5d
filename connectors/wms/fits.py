"""A JSON Schema as plain functions: whether a value fits a part of it, many times as fast as the library that explains.

Of draft 7 only what GS1's schema uses is here; a part with another keyword raises `ValueError` when it is first asked for,
so that none is passed over. That both give the same verdict is tested with damaged documents. Linear in the value's size.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

Fits = Callable[[Any], bool]

_TYPES: Mapping[str, Fits] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float | Decimal) and not isinstance(value, bool),
}
_SAYS_NOTHING = frozenset({"$id", "$schema", "definitions", "then"})  # `if` says what comes then


def distinct(items: list[Any]) -> bool:
    """Whether no two items are the same JSON."""
    if all(isinstance(item, str) for item in items):
        return len(set(items)) == len(items)
    return len({json.dumps(item, sort_keys=True, default=str) for item in items}) == len(items)


class Parts:
    """The parts of a schema, each compiled when it is first asked for. `formats` are the ones that are checked, by name."""

    def __init__(self, root: Mapping[str, Any], formats: Mapping[str, Fits]) -> None:
        self._root = root
        self._formats = formats
        # By identity, with the part itself, so that no other ever gets its place in memory.
        self._known: dict[int, tuple[Mapping[str, Any], Fits]] = {}

    def fits(self, part: Mapping[str, Any]) -> Fits:
        """What tells whether a value fits this part, which must not change any more."""
        if id(part) not in self._known:
            self._known[id(part)] = (part, self._compiled(part))
        return self._known[id(part)][1]

    def named(self, ref: str) -> Fits:
        """The same of the part to which `$ref` leads, such as `#/definitions/uri`."""
        part: Any = self._root
        for name in ref.removeprefix("#/").split("/"):
            part = part[name]
        return self.fits(part)

    def _compiled(self, part: Mapping[str, Any]) -> Fits:
        if "$ref" in part:
            return self.named(part["$ref"])  # draft 7 passes over what stands beside it
        unknown = part.keys() - _KEYWORDS.keys() - _SAYS_NOTHING
        if unknown:
            raise ValueError(f"this keyword of JSON Schema is not known here: {min(unknown)}")
        return _every([_KEYWORDS[name](self, part) for name in part if name in _KEYWORDS])

    def _type(self, part: Mapping[str, Any]) -> Fits:
        return _TYPES[part["type"]]

    def _enum(self, part: Mapping[str, Any]) -> Fits:
        words = frozenset(part["enum"])
        if not all(isinstance(word, str) for word in words):
            raise ValueError("only words can be listed here")
        return lambda value: isinstance(value, str) and value in words

    def _pattern(self, part: Mapping[str, Any]) -> Fits:
        search = re.compile(part["pattern"]).search
        return lambda value: not isinstance(value, str) or search(value) is not None

    def _format(self, part: Mapping[str, Any]) -> Fits:
        return self._formats[part["format"]]

    def _properties(self, part: Mapping[str, Any]) -> Fits:
        inner = {name: self.fits(one) for name, one in part["properties"].items()}

        def fits(value: Any) -> bool:
            return not isinstance(value, dict) or all(
                inner[name](held) for name, held in value.items() if name in inner
            )

        return fits

    def _required(self, part: Mapping[str, Any]) -> Fits:
        names = frozenset(part["required"])
        return lambda value: not isinstance(value, dict) or names <= value.keys()

    def _additional(self, part: Mapping[str, Any]) -> Fits:
        if part["additionalProperties"] is not False:
            raise ValueError("only false can be said of other fields here")
        names = part["properties"].keys()
        return lambda value: not isinstance(value, dict) or value.keys() <= names

    def _names(self, part: Mapping[str, Any]) -> Fits:
        fits = self.fits(part["propertyNames"])
        return lambda value: not isinstance(value, dict) or all(map(fits, value))

    def _items(self, part: Mapping[str, Any]) -> Fits:
        fits = self.fits(part["items"])
        return lambda value: not isinstance(value, list) or all(map(fits, value))

    def _fewest(self, part: Mapping[str, Any]) -> Fits:
        fewest: int = part["minItems"]
        return lambda value: not isinstance(value, list) or len(value) >= fewest

    def _unique(self, part: Mapping[str, Any]) -> Fits:
        wanted: bool = part["uniqueItems"]
        return lambda value: not wanted or not isinstance(value, list) or distinct(value)

    def _all_of(self, part: Mapping[str, Any]) -> Fits:
        return _every([self.fits(one) for one in part["allOf"]])

    def _any_of(self, part: Mapping[str, Any]) -> Fits:
        choices = [self.fits(one) for one in part["anyOf"]]
        return lambda value: any(fits(value) for fits in choices)

    def _not(self, part: Mapping[str, Any]) -> Fits:
        fits = self.fits(part["not"])
        return lambda value: not fits(value)

    def _if(self, part: Mapping[str, Any]) -> Fits:
        asked, then = self.fits(part["if"]), self.fits(part["then"])
        return lambda value: not asked(value) or then(value)


def _every(checks: Sequence[Fits]) -> Fits:
    if len(checks) == 1:
        return checks[0]

    def fits(value: Any) -> bool:
        return all(check(value) for check in checks)

    return fits


_KEYWORDS: Mapping[str, Callable[[Parts, Mapping[str, Any]], Fits]] = {
    "type": Parts._type,
    "enum": Parts._enum,
    "pattern": Parts._pattern,
    "format": Parts._format,
    "properties": Parts._properties,
    "required": Parts._required,
    "additionalProperties": Parts._additional,
    "propertyNames": Parts._names,
    "items": Parts._items,
    "minItems": Parts._fewest,
    "uniqueItems": Parts._unique,
    "allOf": Parts._all_of,
    "anyOf": Parts._any_of,
    "not": Parts._not,
    "if": Parts._if,
}
