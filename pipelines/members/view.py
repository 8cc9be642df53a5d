"""A member from all sides: identifiers, ways to be reached, what was bought, seen and consented. A sum, added up when asked."""

from collections.abc import Iterable
from typing import NamedTuple

from cryptography.exceptions import InvalidTag

from connectors.clock import SystemClock
from connectors.keystore import Keystore
from connectors.settings import Settings
from connectors.tokens import open_
from contracts.members import Profile, Sums
from contracts.receipts import Token
from oneid.profiles import Survivor, survivor, total
from oneid.rules import Rules
from pipelines.members.directory import Member
from pipelines.newest import newest


class Contact(NamedTuple):
    """The one of several values that a rule chose, and the rule."""

    attribute: str
    rule: str
    survivor: Survivor


class View(NamedTuple):
    """`values` has the clear value of an identifier, where the caller asked for it and the key exists."""

    member: Member
    sums: Sums
    own: dict[str, Profile]
    contacts: tuple[Contact, ...]
    values: dict[str, str]


def view(settings: Settings, member: Member, rules: Rules, *, clear: bool) -> View:
    """What is known of a member now. Profiles follow a little behind the map, since both are read as they stand."""
    mine = set(member.nids)
    own = {one.nid: one for one in newest(settings, "state.profile", Profile) if one.nid in mine}
    sums = total(own[nid].sums for nid in member.nids if nid in own)
    return View(member, sums, own, tuple(_contacts(sums, rules)), opened(settings, own.values()) if clear else {})


def _contacts(sums: Sums, rules: Rules) -> Iterable[Contact]:
    for attribute in sorted(sums.claims):
        said = rules.attribute(attribute)
        found = survivor(sums, attribute, said.rule, said.trust)
        if found:
            yield Contact(attribute, said.rule, found)


def opened(settings: Settings, profiles: Iterable[Profile]) -> dict[str, str]:
    """The values in clear, by nid. A value whose key is destroyed stays closed."""
    sealed = {one.nid: one.cipher for one in profiles if one.cipher}
    store = Keystore(settings.home, SystemClock())
    try:
        keys = store.find(sealed)
    finally:
        store.close()
    found = {}
    for nid, cipher in sealed.items():
        key = keys.get(nid)
        if key is not None:
            try:
                found[nid] = open_(key, Token(nid.partition(":")[0], nid, cipher))
            except InvalidTag:
                continue
    return found
