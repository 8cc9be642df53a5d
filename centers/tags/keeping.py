"""What happens to members' tags: purchases, identifiers that change hands, and time. Pure.

state      who has which identifier, when each was shown at purchases, and where each member stands (`TagMemory`)
input      in the order of the partition; what comes of it does not depend on how it was cut into batches
time       the hours of the ticks; what becomes true by itself is found within an hour of recorded time
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import msgspec

from centers.tags.life_cycle import Definition, Recency, Stands, plus, stands, total
from contracts.instants import latest, spelt
from contracts.keys import SEPARATOR, key, record_id
from contracts.tags import Reason, Tag, TagChange, TagInput, TagMemory, tag_key
from contracts.ticks import KEY as CLOCK

Get = Callable[[bytes], TagMemory | None]
_MEMBER = f"{SEPARATOR}m{SEPARATOR}".encode()


class Told(msgspec.Struct, frozen=True):
    """What is to be kept, and what to be told: tags by key (None: no more), and changes in their order."""

    memory: dict[bytes, TagMemory | None]
    tags: dict[bytes, Tag | None]
    changes: list[TagChange]


def in_time(one: TagInput, recorded: datetime) -> TagInput:
    """The input at the moment when it was recorded, if it says that it lies ahead: a till's clock may be years fast."""
    ahead = datetime.fromisoformat(one.at) > recorded
    return msgspec.structs.replace(one, at=spelt(recorded)) if ahead else one


class Keeper:
    """One batch, over what is remembered. `Told` holds all that came of it."""

    def __init__(self, by: Definition, get: Get) -> None:
        self._by = by
        self._get = get
        self.told = Told({}, {}, [])
        clock = get(CLOCK)
        self._hour = clock.at if clock else ""

    def take(self, one: TagInput) -> None:
        if one.change is not None:
            self._change_hands(one, one.change)
            return
        (nid,) = one.nids
        at = _second(one.at)
        old = self._nid(one.tenant, nid)
        sums = plus(_recency(old), Recency(one.purchases, at, at) if one.purchases > 0 else Recency(one.purchases))
        self._keep_nid(one.tenant, nid, old.member_id, sums)
        if old.member_id:
            self._look(one.tenant, old.member_id, "purchase" if one.purchases > 0 else "undone", one.at)

    def is_due(self, at: str) -> bool:
        """Whether another hour has begun at `at`."""
        return _hour(at) > self._hour

    def pass_hour(self, at: str, keys: Iterable[bytes]) -> None:
        """It is `at`. Looks at every member whose time has come, and at all that another definition judged."""
        if not self.is_due(at):
            return
        self._hour = hour = _hour(at)
        self.told.memory[CLOCK] = TagMemory(kind="clock", at=hour)
        now = _second(hour)
        held = (self._known(k) for k in {*keys, *self.told.memory} if _MEMBER in k)
        due = [m for m in held if m and (0 < m.due <= now or m.definition != self._by.version)]
        # In an order of their own: that of `keys` is another in each process.
        for member in sorted(due, key=lambda one: (one.tenant, one.id)):
            self._look(
                member.tenant, member.id, "time" if member.definition == self._by.version else "definition", hour
            )

    def _change_hands(self, one: TagInput, reason: Reason) -> None:
        moved: dict[str, list[str]] = {}
        for nid in one.nids:
            old = self._nid(one.tenant, nid)
            if one.change == "erase":
                self.told.memory[_nid_key(one.tenant, nid)] = None
            else:
                self._keep_nid(one.tenant, nid, one.after, _recency(old))
            if old.member_id != one.after:
                moved.setdefault(old.member_id, []).append(nid)
        for before, nids in moved.items():
            if before:
                self._hold(one.tenant, before, loses=nids)
        if one.after:
            self._hold(one.tenant, one.after, gains=one.nids)
        for member in dict.fromkeys([*moved, one.after]):
            if member:
                self._look(one.tenant, member, reason, one.at)

    def _hold(self, tenant: str, id: str, *, gains: Iterable[str] = (), loses: Iterable[str] = ()) -> None:
        k = _member_key(tenant, id)
        old = self._known(k) or TagMemory(tenant=tenant, kind="member", id=id, definition=self._by.version)
        nids = (set(old.nids) | set(gains)) - set(loses)
        self.told.memory[k] = msgspec.structs.replace(old, nids=tuple(sorted(nids)))

    def _look(self, tenant: str, id: str, reason: Reason, at: str) -> None:
        """Where the member stands now, and what changes by it."""
        k = _member_key(tenant, id)
        old = self._known(k)
        if old is None:
            return
        sums = total(_recency(self._nid(tenant, nid)) for nid in old.nids)
        known_at = latest(self._hour or at, at)
        now = stands(self._by, sums, _second(known_at))
        since = now.since if now.value == old.value else _since(old.value, now, sums)
        changed = now.value != old.value
        if changed:
            self._tell(old, now.value, since if now.value else _second(at), known_at, reason)
        elif now.value:
            since = old.since
        self.told.tags[tag_key(tenant, self._by.tag, id)] = self._tag(old, now.value, since, known_at, sums)
        self.told.memory[k] = (
            msgspec.structs.replace(
                old,
                value=now.value,
                since=since,
                due=now.due,
                changes=old.changes + changed,
                definition=self._by.version,
            )
            if old.nids
            else None
        )

    def _tell(self, member: TagMemory, after: str, at: int, known_at: str, reason: Reason) -> None:
        parts = (self._by.tag, member.id, member.value, after, at, known_at, member.changes)
        self.told.changes.append(
            TagChange(
                tenant=member.tenant,
                id=record_id(member.tenant, "tag_change", *parts),
                tag=self._by.tag,
                member_id=member.id,
                before=member.value,
                after=after,
                at=_spelt(at),
                known_at=known_at,
                reason=reason,
                definition=self._by.version,
            )
        )

    def _tag(self, member: TagMemory, value: str, since: int, known_at: str, sums: Recency) -> Tag | None:
        if not value:
            return None
        return Tag(
            tenant=member.tenant,
            tag=self._by.tag,
            member_id=member.id,
            value=value,
            since=_spelt(since),
            known_at=known_at,
            purchases=sums.purchases,
            first_at=_spelt(sums.first),
            last_at=_spelt(sums.last),
            definition=self._by.version,
        )

    def _known(self, k: bytes) -> TagMemory | None:
        return self.told.memory[k] if k in self.told.memory else self._get(k)

    def _nid(self, tenant: str, nid: str) -> TagMemory:
        return self._known(_nid_key(tenant, nid)) or TagMemory(tenant=tenant, kind="nid", id=nid)

    def _keep_nid(self, tenant: str, nid: str, member: str, sums: Recency) -> None:
        self.told.memory[_nid_key(tenant, nid)] = TagMemory(
            tenant=tenant,
            kind="nid",
            id=nid,
            member_id=member,
            purchases=sums.purchases,
            first=sums.first,
            last=sums.last,
        )


def _hour(at: str) -> str:
    return f"{at[:13]}:00:00Z"


def _since(before: str, now: Stands, sums: Recency) -> int:
    """Who comes back is active since that purchase, not since having ceased to be new."""
    return max(now.since, sums.last) if now.value == "active" and before in ("at_risk", "lost") else now.since


def _recency(memory: TagMemory) -> Recency:
    return Recency(memory.purchases, memory.first, memory.last)


def _nid_key(tenant: str, nid: str) -> bytes:
    return key(tenant, "n", nid)


def _member_key(tenant: str, member: str) -> bytes:
    return key(tenant, "m", member)


def _second(at: str) -> int:
    return int(datetime.fromisoformat(at).timestamp())


def _spelt(second: int) -> str:
    return spelt(datetime.fromtimestamp(second, UTC))
