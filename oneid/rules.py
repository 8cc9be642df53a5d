"""The rules of identity, as a person writes them (oneid/rules.yml) and as F reads them. Checked whole when loaded."""

import re
from functools import cached_property
from io import StringIO
from typing import Annotated, Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from contracts.errors import BadInput
from oneid.profiles import Survivorship

TYPE_NAME = re.compile(r"[a-z][a-z0-9_]{0,14}")
MOST_TYPES = 32


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


Positive = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class Title(_Part, frozen=True):
    en: str
    zh: str


class Limit(_Part, frozen=True):
    """At most `most` of a type for one person: ever, or active within so many `weeks` in a row, from whichever Monday."""

    most: Positive
    ever: bool = False
    weeks: Annotated[int, msgspec.Meta(ge=1, le=520)] | None = None


class Generic(_Part, frozen=True):
    """Nobody's identifier, once more than `anchors` distinct anchors were seen with it."""

    anchors: Positive


class Tenancy(_Part, frozen=True):
    silent_days: Positive


class IdentifierRule(_Part, frozen=True):
    title: Title
    priority: Positive
    anchor: bool = False
    limits: tuple[Limit, ...] = ()
    generic: Generic | None = None
    tenancy: Tenancy | None = None
    shared: bool = False
    together: bool = False

    @property
    def exclusive(self) -> bool:
        """Whether one person has at most one, ever: two of them are two people."""
        return any(limit.ever and limit.most == 1 for limit in self.limits)


class Names(_Part, frozen=True):
    exclusive: bool = True


class Blocked(_Part, frozen=True):
    type: str
    exact: tuple[str, ...] = ()
    pattern: str = "(?!)"


class Attribute(_Part, frozen=True):
    """How one value is chosen where several are claimed. `sources` are trusted in their order; the others, least."""

    rule: Survivorship = "latest"
    sources: tuple[str, ...] = ()

    @property
    def trust(self) -> dict[str, int]:
        return {source: n for n, source in enumerate(self.sources, 1)}


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, dict=True):
    version: Annotated[int, msgspec.Meta(ge=1)]
    identifiers: dict[str, IdentifierRule]
    names: Names = Names()
    blocked: tuple[Blocked, ...] = ()
    attributes: dict[str, Attribute] = {}

    def attribute(self, name: str) -> Attribute:
        return self.attributes.get(name, Attribute())

    @cached_property
    def priority(self) -> dict[str, int]:
        return {type: rule.priority for type, rule in self.identifiers.items()}

    @cached_property
    def anchors(self) -> frozenset[str]:
        return frozenset(type for type, rule in self.identifiers.items() if rule.anchor)

    @cached_property
    def exclusive(self) -> frozenset[str]:
        return frozenset(type for type, rule in self.identifiers.items() if rule.exclusive)

    @cached_property
    def shared(self) -> frozenset[str]:
        return frozenset(type for type, rule in self.identifiers.items() if rule.shared)

    @cached_property
    def together(self) -> frozenset[str]:
        return frozenset(type for type, rule in self.identifiers.items() if rule.together)

    @cached_property
    def ever(self) -> dict[str, int]:
        """Type → how many of it one person may have, ever."""
        return {
            type: min(limit.most for limit in rule.limits if limit.ever)
            for type, rule in self.identifiers.items()
            if any(limit.ever for limit in rule.limits)
        }

    @cached_property
    def windows(self) -> dict[str, tuple[tuple[int, int], ...]]:
        """Type → (weeks of the window, how many of it one person may use in one window)."""
        found = {
            type: tuple((limit.weeks, limit.most) for limit in rule.limits if limit.weeks)
            for type, rule in self.identifiers.items()
        }
        return {type: limits for type, limits in found.items() if limits}

    def is_blocked(self, type: str, normalised: str) -> bool:
        """Whether a value is known to be nobody's. It is never made an identifier."""
        return any(
            normalised in blocked.exact or re.fullmatch(blocked.pattern, normalised) is not None
            for blocked in self.blocked
            if blocked.type == type
        )


def parse(text: str, source: str) -> Rules:
    """The rules written in a YAML text. Raises `BadInput` that says where `source` is wrong and what to write."""
    try:
        read: Any = YAML(typ="safe", pure=True).load(StringIO(text))
        rules = msgspec.convert(read, Rules)
    except YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        at = "" if line is None else f" at line {line + 1}"
        raise BadInput(f"{source} is not YAML{at}.", "Compare it with oneid/rules.yml.") from None
    except msgspec.ValidationError as error:
        raise BadInput(f"{source} is not a rule file: {error}.", "docs/oneid.md explains every word of it.") from None
    for wrong, do in _wrongs(rules):
        raise BadInput(f"{source}: {wrong}", do)
    return rules


def _wrongs(rules: Rules) -> list[tuple[str, str]]:
    found = []
    if not 1 <= len(rules.identifiers) <= MOST_TYPES:
        found.append((f"there are {len(rules.identifiers)} identifier types.", f"Name 1 to {MOST_TYPES}."))
    owner: dict[int, str] = {}
    for type, rule in rules.identifiers.items():
        if not TYPE_NAME.fullmatch(type):
            found.append((f"{type!r} is no name of a type.", "Use small letters, digits and _, at most 15."))
        if rule.priority in owner:
            both = f"{owner[rule.priority]} and {type}"
            found.append((f"{both} have the same priority, {rule.priority}.", "Give each type a priority of its own."))
        owner[rule.priority] = type
        if any(limit.ever == (limit.weeks is not None) for limit in rule.limits):
            found.append((f"a limit of {type} must be `ever: true` or `weeks: N`, one of them.", "Write one of them."))
        if rule.anchor and (rule.generic or rule.tenancy or rule.shared or rule.together):
            wrong = f"{type} is an anchor, so it cannot be generic, shared, together or have tenancies."
            found.append((wrong, "Take `anchor` away, or the others."))
    for name, attribute in rules.attributes.items():
        if (attribute.rule == "trusted") != bool(attribute.sources):
            wrong = f"the attribute {name} must name its sources if it is `trusted`, and only then."
            found.append((wrong, "Such as {rule: trusted, sources: [ecommerce, pos]}."))
    for blocked in rules.blocked:
        if blocked.type not in rules.identifiers:
            found.append((f"blocked type {blocked.type!r} is unknown.", f"Known: {', '.join(rules.identifiers)}."))
        try:
            re.compile(blocked.pattern)
        except re.error as error:
            found.append((f"a pattern of {blocked.type} is no regular expression: {error}.", "Correct the pattern."))
    return found
