"""A file of identity events in, who is who out: `zhongtai oneid resolve`. The format is docs/oneid.md's."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

import oneid
from connectors.strict_json import BOM, misshapen, unreadable, written_twice
from contracts.errors import BadInput
from contracts.identity import IdentityEvent
from contracts.refusals import Refused
from oneid.evidence import CLASSES, DAY_S, LIKELY, Observation
from oneid.identifiers import TYPES, nid, normalise
from oneid.names import name_tokens
from oneid.plan import Plan, Trial, plan
from oneid.resolve import member_id
from oneid.resolver import Resolver
from oneid.rules import Rules, parse
from oneid.spelling import plain

# A file's ids are its own: the same file gives the same ids everywhere, and they are no platform's member ids.
KEY = b"zhongtai oneid resolve"
BATCH = 100_000
# The rule files that come with the platform: its own, and one that is stricter with phones, to try.
SHIPPED = {"platform": "rules.yml", "tight": "rules-tight.yml"}
SCHEMA = pa.schema(
    [("identifier", pa.string()), ("type", pa.string()), ("value", pa.string()), ("member_id", pa.string())]
)
Told = Callable[[int], None]
_read = msgspec.json.Decoder(IdentityEvent).decode


class BadLine(NamedTuple):
    line: int
    refused: Refused


class Resolved(NamedTuple):
    """`identifiers` counts rows, one for each value as written; `refused` keeps the first lines, `refused_lines` all."""

    events: int
    identifiers: int
    members: int
    blocked: int
    refused_lines: int
    refused: list[BadLine]


def rule_file(named: Path) -> Path:
    """The file that is meant: a path, or the name of a rule file that comes with the platform."""
    return named if named.exists() or str(named) not in SHIPPED else Path(oneid.__path__[0]) / SHIPPED[str(named)]


def load_rules(path: Path) -> Rules:
    """Of a path, or of a name in `SHIPPED`."""
    try:
        return parse(rule_file(path).read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            f"{path} cannot be read: {type(error).__name__}.",
            f"Give a rule file, in UTF-8, or one that comes with the platform: {', '.join(SHIPPED)}.",
        ) from None


def resolve_file(
    events: Path, rules: Rules, out: Path, *, as_is: bool, region: str, told: Told, shown: int = 20
) -> Resolved:
    """Resolve the events of a file and write `out`, whole or not at all. `told` hears of each batch's bytes."""
    reader = _Reader(rules, as_is, region)
    resolver = Resolver(rules)
    refused: list[BadLine] = []
    count = bad = 0
    for batch, size in _batches(events):
        seen = []
        for number, line in batch:
            found = reader.observation(line)
            if isinstance(found, Refused):
                bad += 1
                if len(refused) < shown:
                    refused.append(BadLine(number, found))
            else:
                seen.append(found)
        resolver.apply(seen)
        count += len(seen)
        told(size)
    members = _write(out, reader.values, dict(resolver.holders()))
    return Resolved(count, len(reader.values), members, reader.blocked, bad, refused)


class Planned(NamedTuple):
    """`values`: each value as it was written, with its nid. `refused_lines` are those refused under the other rules."""

    plan: Plan
    values: dict[tuple[str, str], str]
    refused_lines: int


def planned(events: Path, now: Rules, then: Rules, *, as_is: bool, region: str, told: Told) -> Planned:
    """What other rules would make of the events of a file. Identifiers and ids are those that `resolve_file` gives."""
    outcomes = []
    values: dict[tuple[str, str], str] = {}
    refused = 0
    for rules in (now, then):
        reader, trial = _Reader(rules, as_is, region), Trial(rules)
        refused = 0
        for batch, size in _batches(events):
            found = [reader.observation(line) for _, line in batch]
            seen = [one for one in found if not isinstance(one, Refused)]
            refused += len(found) - len(seen)
            trial.resolver.apply(seen)
            told(size)
        outcomes.append(trial.outcome(lambda birth: member_id(KEY, birth)))
        values |= reader.values
    return Planned(plan(*outcomes), values, refused)


def _batches(path: Path) -> Iterator[tuple[list[tuple[int, bytes]], int]]:
    batch: list[tuple[int, bytes]] = []
    size = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            size += len(line)
            if line.strip():
                batch.append((number, line))
            if len(batch) == BATCH:
                yield batch, size
                batch, size = [], 0
    yield batch, size


class _Reader:
    """Lines into observations. Remembers each value as it was written, and its nid."""

    def __init__(self, rules: Rules, as_is: bool, region: str) -> None:
        self._rules, self._as_is, self._region = rules, as_is, region
        self._tokens: dict[str, str] = {"": ""}
        self.values: dict[tuple[str, str], str] = {}
        self._nobody: set[tuple[str, str]] = set()

    @property
    def blocked(self) -> int:
        """How many values the rules call nobody's."""
        return len(self._nobody)

    def observation(self, line: bytes) -> Observation | Refused:
        event = decode(line)
        if isinstance(event, Refused):
            return event
        at = int(datetime.fromisoformat(event.at).timestamp())
        if not DAY_S <= at < 1 << 32:
            return Refused("bad_time", "at")
        nids = []
        for i, (type, value) in enumerate((said.type, said.value) for said in event.identifiers):
            found = self._nid(type, value)
            if found is None:
                return Refused(
                    "bad_identifier", f"identifiers[{i}].{'value' if type in self._rules.identifiers else 'type'}"
                )
            if found:
                nids.append(found)
        cls = CLASSES[event.cls]
        scored = (event.model or 1, event.score or 0) if cls == LIKELY else (0, 0)
        if cls == LIKELY and len(event.identifiers) != 2:
            return Refused("bad_value", "identifiers")
        return Observation(
            at, cls, tuple(dict.fromkeys(nids)), self._name(event.name) if cls != LIKELY else "", *scored
        )

    def _nid(self, type: str, value: str) -> str | None:
        """The nid of a value; empty for one that is nobody's, None for one that is no identifier."""
        known = self.values.get((type, value))
        if known is not None or (type, value) in self._nobody:
            return known or ""
        if type not in self._rules.identifiers:
            return None
        # Types of the rule file's own have no spelling here, so they are taken as they stand, like everything with --as-is.
        spelt = plain(value) if self._as_is or type not in TYPES else normalise(type, value, self._region)
        if not spelt:
            return None
        if self._rules.is_blocked(type, spelt):
            self._nobody.add((type, value))
            return ""
        found = self.values[type, value] = nid(KEY, type, spelt)
        return found

    def _name(self, name: str) -> str:
        if name not in self._tokens:
            self._tokens[name] = name_tokens(name, KEY) or ""
        return self._tokens[name]


def decode(line: bytes) -> IdentityEvent | Refused:
    """The event of one line, or why it is none. Never raises; a refusal holds no value of the line."""
    text = line.removeprefix(BOM)
    try:
        event = _read(text)
    except msgspec.ValidationError as error:
        return unreadable(text) or misshapen(str(error), ("at",))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return unreadable(text) or Refused("not_json")
    try:
        datetime.fromisoformat(event.at)
    except ValueError:
        return Refused("bad_time", "at")
    twice = written_twice(text)
    if twice:
        return twice
    if event.cls != "D" and (event.model is not None or event.score is not None):
        return Refused("unknown_field", "score" if event.score is not None else "model")
    return event


def _write(out: Path, values: dict[tuple[str, str], str], holders: dict[str, str]) -> int:
    """One row for each value as written, sorted; returns how many members there are."""
    rows = sorted((type, value, holders[found]) for (type, value), found in values.items() if found in holders)
    ids = {birth: member_id(KEY, birth) for birth in {birth for _, _, birth in rows}}
    columns: Iterable[list[str]] = (
        [f"{type}:{value}" for type, value, _ in rows],
        [type for type, _, _ in rows],
        [value for _, value, _ in rows],
        [ids[birth] for _, _, birth in rows],
    )
    part = out.with_name(out.name + ".part")
    pq.write_table(pa.table([pa.array(c, pa.string()) for c in columns], schema=SCHEMA), part)
    part.replace(out)
    return len(ids)
