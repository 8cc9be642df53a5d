"""Whose an identifier is now: the map as it stands in its topic, asked by value, by nid or by member id."""

import re
from collections import defaultdict
from functools import cached_property
from typing import NamedTuple

from connectors.clock import SystemClock
from connectors.keystore import Keystore
from connectors.settings import Settings
from contracts.errors import BadInput, ZhongtaiError
from contracts.member_map import MemberOf
from oneid.identifiers import TYPES, is_nid, nid, normalise
from pipelines.newest import newest

MEMBER = re.compile(r"m-[a-z2-7]{16}")
# What describes and does not name: a person asks for these with their type before them.
_DESCRIBING = frozenset({"name", "address", "cookie"})


class Member(NamedTuple):
    """A member and who asked for it: `nid` is the identifier that was given, "" for a member id."""

    id: str
    nid: str
    entries: tuple[MemberOf, ...]

    @property
    def nids(self) -> tuple[str, ...]:
        return tuple(entry.nid for entry in self.entries)


class Directory:
    """One reading of the map. What people type is never repeated in an error: it may be somebody's phone number."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def entries(self) -> dict[str, MemberOf]:
        """By nid."""
        return {entry.nid: entry for entry in newest(self._settings, "state.member_map", MemberOf)}

    @cached_property
    def members(self) -> dict[str, list[MemberOf]]:
        found: dict[str, list[MemberOf]] = defaultdict(list)
        for one in sorted(self.entries):
            found[self.entries[one].member_id].append(self.entries[one])
        return dict(found)

    def find(self, text: str) -> Member:
        """The member with this id or identifier: `m-…`, `card:<32 hex>`, `phone:138…`, or a value alone.

        Raises `ZhongtaiError` when nobody has it, `BadInput` when it could be several people's.
        """
        if MEMBER.fullmatch(text):
            if text in self.members:
                return Member(text, "", tuple(self.members[text]))
            raise ZhongtaiError(
                "There is no member of this id now.", "Ask for one of the member's identifiers instead."
            )
        known = [one for one in self.nids(text) if one in self.entries]
        owners = {self.entries[one].member_id for one in known}
        if not owners:
            raise ZhongtaiError(
                "Nobody has this identifier: it was never seen, or its owner was erased.",
                f"Give its type to be understood better, such as phone:138…. Types: {', '.join(TYPES)}.",
            )
        if len(owners) > 1:
            types = ", ".join(sorted(one.partition(":")[0] for one in known))
            raise BadInput(f"This could be several people's: as {types}.", "Write the type before it, such as phone:….")
        (owner,) = owners
        return Member(owner, known[0], tuple(self.members[owner]))

    def nids(self, text: str) -> list[str]:
        """The nids that a text may stand for. The type decides, where one is written; otherwise whatever it may be."""
        if is_nid(text):
            return [text]
        type, colon, value = text.partition(":")
        if colon and type in TYPES:
            spelt = normalise(type, value, self._settings.phone_region)
            if spelt is None:
                raise BadInput(f"This cannot be a {type}.", "Compare it with docs/oneid.md, or leave the type away.")
            return [nid(self._tenant_key, type, spelt)]
        region = self._settings.phone_region
        spellings = {type: normalise(type, text, region) for type in TYPES if type not in _DESCRIBING}
        return [nid(self._tenant_key, type, spelt) for type, spelt in spellings.items() if spelt is not None]

    @cached_property
    def _tenant_key(self) -> bytes:
        store = Keystore(self._settings.home, SystemClock())
        try:
            return store.tenant_key(self._settings.tenant)
        finally:
            store.close()
