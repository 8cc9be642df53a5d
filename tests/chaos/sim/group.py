"""Kafka's group coordinator: members, generations, offsets and those that are pending in open transactions.

Rebalancing is eager, as aiokafka's: all members join again. Assignment is round-robin and made here rather than by the leader.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from tests.chaos.sim.loop import VirtualLoop

TP = tuple[str, int]


class Unfit(Exception):
    """A group request was refused. `code` is Kafka's name of the reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Member:
    def __init__(self, id_: str, instance: str | None, deadline: float) -> None:
        self.id = id_
        self.instance = instance
        self.deadline = deadline  # of the session
        self.joining: asyncio.Future[tuple[int, str]] | None = None
        self.assigned: list[TP] = []


class Group:
    """One consumer group. `moved` is told each offset that becomes committed."""

    def __init__(
        self, loop: VirtualLoop, tps: list[TP], session_s: float, moved: Callable[[TP, int, int], None]
    ) -> None:
        self.loop = loop
        self.tps = tps
        self.session_s = session_s
        self.generation = 0
        self.state = "empty"
        self.members: dict[str, Member] = {}
        self.offsets: dict[TP, int] = {}
        self._statics: dict[str, str] = {}
        self._pending: dict[Any, dict[TP, int]] = {}
        self._moved = moved
        self._ids = 0
        self._round = 0

    # -- membership ----------------------------------------------------------------------------------------------------

    def join(self, id_: str, instance: str | None) -> "asyncio.Future[tuple[int, str]] | tuple[int, str]":
        """Generation and member id; answered when the rebalance is complete.

        A static member that comes back takes over its place with a new id, without a rebalance when the group is stable.
        """
        if id_ and id_ not in self.members:
            raise Unfit("FENCED_INSTANCE_ID" if instance in self._statics else "UNKNOWN_MEMBER_ID")
        if not id_ and instance in self._statics:
            member = self._replace(self._statics[instance])
            if self.state == "stable":
                return self.generation, member.id
        elif not id_:
            member = self._new(instance)
        else:
            member = self.members[id_]
            if self.state == "stable" and member is not next(iter(self.members.values())):
                return self.generation, member.id  # a follower that asks again learns what holds; only a leader stirs
        joining = member.joining = self.loop.create_future()
        self._prepare()
        self._complete_if_all_joined()
        return joining

    def _new(self, instance: str | None) -> Member:
        self._ids += 1
        member = Member(f"m{self._ids}", instance, self.loop.now + self.session_s)
        self.members[member.id] = member
        if instance is not None:
            self._statics[instance] = member.id
        self.loop.call_at(member.deadline, self._look, member)
        return member

    def _replace(self, old_id: str) -> Member:
        old = self.members.pop(old_id)
        if old.joining is not None and not old.joining.done():
            old.joining.set_exception(Unfit("FENCED_INSTANCE_ID"))
        member = self._new(old.instance)
        member.assigned = old.assigned
        return member

    def sync(self, id_: str, generation: int) -> list[TP]:
        """The partitions of a member in `generation`."""
        self._known(id_, generation)
        if self.state != "stable":
            raise Unfit("REBALANCE_IN_PROGRESS")
        return self.members[id_].assigned

    def heartbeat(self, id_: str, generation: int) -> None:
        """Keep the session. aiokafka names no instance in it, so a fenced static member looks unknown."""
        self._known(id_, generation)
        self.members[id_].deadline = self.loop.now + self.session_s
        if self.state != "stable":
            raise Unfit("REBALANCE_IN_PROGRESS")

    def leave(self, id_: str) -> None:
        if id_ in self.members:
            self._remove(self.members[id_])

    def _known(self, id_: str, generation: int) -> None:
        if id_ not in self.members:
            raise Unfit("UNKNOWN_MEMBER_ID")
        if generation != self.generation:
            raise Unfit("ILLEGAL_GENERATION")

    def _look(self, member: Member) -> None:
        if self.members.get(member.id) is not member:
            return
        if member.joining is not None:  # a member that waits in a join is not timed out
            self.loop.call_later(self.session_s, self._look, member)
        elif self.loop.now < member.deadline:
            self.loop.call_at(member.deadline, self._look, member)
        else:
            self._remove(member)

    def _remove(self, member: Member) -> None:
        del self.members[member.id]
        if member.instance is not None:
            del self._statics[member.instance]
        if self.members:
            self._prepare()
            self._complete_if_all_joined()
        else:
            self.state, self.generation = "empty", self.generation + 1

    # -- rebalancing ---------------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        if self.state != "preparing":
            self.state = "preparing"
            self._round += 1
            self.loop.call_later(3 * self.session_s, self._give_up_waiting, self._round)

    def _give_up_waiting(self, round_: int) -> None:
        if self.state == "preparing" and self._round == round_:
            for member in [m for m in self.members.values() if m.joining is None and m.instance is None]:
                del self.members[member.id]
            self._complete()

    def _complete_if_all_joined(self) -> None:
        if self.state == "preparing" and all(m.joining is not None for m in self.members.values()):
            self._complete()

    def _complete(self) -> None:
        self.generation += 1
        self.state = "stable" if self.members else "empty"
        ids = sorted(self.members)
        for member in self.members.values():
            member.assigned = []
        for i, tp in enumerate(self.tps if ids else ()):
            self.members[ids[i % len(ids)]].assigned.append(tp)
        for member in self.members.values():
            joining, member.joining = member.joining, None
            if joining is not None:
                member.deadline = self.loop.now + self.session_s
                joining.set_result((self.generation, member.id))

    # -- offsets -------------------------------------------------------------------------------------------------------

    def refusal(self, generation: int, member: str, instance: str | None) -> str | None:
        """Why the broker would refuse offsets of this member, or None. The old generation holds until the next begins."""
        if generation < 0 and not member:
            return None  # as measured: such offsets are not fenced at all
        if instance is not None and self._statics.get(instance, member) != member:
            return "FENCED_INSTANCE_ID"
        if member not in self.members:
            return "UNKNOWN_MEMBER_ID"
        return None if generation == self.generation else "ILLEGAL_GENERATION"

    def pend(self, transaction: Any, offsets: dict[TP, int]) -> None:
        self._pending.setdefault(transaction, {}).update(offsets)

    def settle(self, transaction: Any, offsets: dict[TP, int]) -> None:
        """The marker has come: `offsets` are committed, or, when it is empty, forgotten."""
        self._pending.pop(transaction, None)
        for tp, offset in offsets.items():
            self._moved(tp, self.offsets.get(tp, 0), offset)
            self.offsets[tp] = offset

    def committed(self, tps: list[TP], stable: bool) -> dict[TP, int]:
        """Offsets, 0 where none was ever committed. A stable read is refused while one of them is pending."""
        if stable and any(tp in pending for pending in self._pending.values() for tp in tps):
            raise Unfit("UNSTABLE_OFFSET_COMMIT")
        return {tp: self.offsets.get(tp, 0) for tp in tps}
