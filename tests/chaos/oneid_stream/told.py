"""What goes into the stream of identity, and what must come out of it: F over all of it, whatever became of the workers."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime

from contracts.evidence import Evidence, IdentityFact, Ruling
from contracts.instants import spelt
from contracts.member_map import MemberChange, MemberOf
from contracts.wire import decoder
from oneid import audit
from oneid.evidence import CLASSES, Observation
from oneid.evidence import Evidence as Known
from oneid.evidence import Ruling as Said
from oneid.facts import kept, mark
from oneid.resolve import member_id
from tests.chaos.oneid.cases import Case, arrivals, drawn

KEY = b"chaos"
LETTERS = {strength: letter for letter, strength in CLASSES.items()}
_read = {
    "state.member_map": decoder(MemberOf),
    "event.member_change": decoder(MemberChange),
    "log.resolve_members": decoder(IdentityFact),
}


def case(seed: int) -> Case:
    """A case in which no two rulings have one sequence, as the clock gives them."""
    found = drawn(seed)
    said = (one._replace(seq=1000 * one.seq + i) if isinstance(one, Said) else one for i, one in enumerate(found.said))
    return Case(seed, found.rules, tuple(said))


def evidence(one: Case, tenant: str) -> Iterator[Evidence]:
    """What is said in a case, in an order of its own, some of it twice."""
    said = [s for observed, rulings in arrivals(one, 0) for s in (*observed, *rulings)]
    random.Random(f"stream {one.seed}").shuffle(said)
    for n, s in enumerate(said):
        yield _record(tenant, str(n), s)


def _record(tenant: str, id: str, said: Observation | Said) -> Evidence:
    if isinstance(said, Said):
        at = "2026-01-01T00:00:00Z"
        word = Ruling(
            tenant=tenant, id=said.id, seq=said.seq, kind=said.kind, at=at, a=said.a, b=said.b, stands=said.stands
        )
        return Evidence(tenant=tenant, id=id, at=at, source="event.ruling", about=said.id, ruling=word)
    return Evidence(
        tenant=tenant, id=id, at=spelt(datetime.fromtimestamp(said.at, UTC)), source="test", about=id,
        cls=LETTERS[said.cls], nids=said.nids, name=said.name, model=said.model, score=said.score,
    )  # fmt: skip


class Told:
    """What the stream says, read in the order of its partitions as committed."""

    def __init__(self) -> None:
        self.violations: list[str] = []
        self.map: dict[str, MemberOf] = {}
        self.facts: dict[bytes, IdentityFact] = {}
        self._by_changes: dict[str, str] = {}
        self.ids: set[str] = set()

    def record(self, topic: str, key: bytes, value: bytes | None) -> None:
        if topic not in _read:
            return
        record = None if value is None else _read[topic](value)
        if topic == "event.member_change":
            assert isinstance(record, MemberChange)
            self._change(record)
        elif topic == "state.member_map":
            self._entry(key.decode(), record)
        elif isinstance(record, IdentityFact):
            self.facts[key] = record
        else:
            self.facts.pop(key, None)

    def _entry(self, key: str, entry: object) -> None:
        before = self.map.get(key)
        if isinstance(entry, MemberOf):
            if before is not None and entry.version <= before.version:
                self.violations.append(f"the version of {key} went from {before.version} to {entry.version}")
            self.map[key] = entry
        elif self.map.pop(key, None) is None:
            self.violations.append(f"{key} was erased from the map, and was not in it")

    def _change(self, change: MemberChange) -> None:
        if change.id in self.ids:
            self.violations.append(f"the change {change.id} was told twice")
        self.ids.add(change.id)
        for nid in change.nids:
            key = f"{change.tenant}|{nid}"
            if self._by_changes.get(key, "") != change.before:
                self.violations.append(f"a change of {key} starts from what was not told")
            self._by_changes[key] = change.after

    def differences(self, cases: dict[str, Case]) -> list[str]:
        """How what was told differs from F over each tenant's case."""
        found = list(self.violations)
        wanted: dict[str, tuple[str, int]] = {}
        for tenant, one in cases.items():
            held, _ = audit.expected(_whole(one), one.parsed)
            wanted |= {f"{tenant}|{nid}": (member_id(KEY, h.birth), h.confidence) for nid, h in held.items()}
            found += self._kept(tenant, one)
        live = {key: (entry.member_id, entry.confidence) for key, entry in self.map.items()}
        found += [
            f"{key} is {live.get(key)}, F says {wanted.get(key)}"
            for key in sorted(live.keys() | wanted.keys())
            if live.get(key) != wanted.get(key)
        ]
        summed = {key: member for key, member in self._by_changes.items() if member}
        if summed != {key: member for key, (member, _) in wanted.items()}:
            found.append("the changes do not add up to the map")
        return found

    def _kept(self, tenant: str, one: Case) -> list[str]:
        """The facts are those of the case, and nothing of whom was erased is left in them."""
        erased = {s.a for s in one.said if isinstance(s, Said) and s.kind == "erase"}
        mine = [(key, fact) for key, fact in self.facts.items() if key.startswith(tenant.encode() + b"|")]
        left = {nid for nid in erased if nid in repr(mine)}
        known = _whole(one)
        pairs = {ends: pair for ends, pair in known.pairs.items() if erased.isdisjoint(ends)}
        again = kept(mine, one.parsed.identifiers)
        found = [f"{nid} of {tenant} is erased, and still in the facts" for nid in sorted(left)]
        if again.evidence.pairs != pairs or again.erased != {mark(nid) for nid in erased}:
            found.append(f"the facts of {tenant} are not those that were said")
        return found


def _whole(one: Case) -> Known:
    known = Known()
    for said in one.said:
        known.observe(said, one.parsed.priority) if isinstance(said, Observation) else known.rule(said)
    return known
