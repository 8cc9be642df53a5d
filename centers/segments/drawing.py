"""Who is held out of a segment, and who may be written to. Pure.

A member is drawn once, by a hash of the seed and of the member id; the draw is then remembered at the member's identifiers,
because ids can be renamed by late evidence. A member who has identifiers of both arms, after a merge, is `mixed`: written to
like the treated, and left out of any comparison.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Literal

from centers.segments.definition import HoldOut
from contracts.members import Sums

Arm = Literal["treated", "held_out", "mixed"]
Consent = Literal["given", "refused", "unasked"]
_WHOLE = 10_000


def drawn(by: HoldOut | None, member: str) -> Arm:
    """The arm that a member is drawn into: the same for ever, in any order, and independent of who else there is."""
    if by is None:
        return "treated"
    ticket = int.from_bytes(sha256(f"{by.seed}\0{member}".encode()).digest()[:8], "big") % _WHOLE
    return "held_out" if ticket < by.percent * _WHOLE // 100 else "treated"


def arm(by: HoldOut | None, member: str, nids: Iterable[str], remembered: Mapping[str, Arm]) -> Arm:
    """The arm of a member: what was drawn before for any of the identifiers, or else a fresh draw."""
    before = {remembered[nid] for nid in nids if nid in remembered}
    if not before:
        return drawn(by, member)
    return before.pop() if len(before) == 1 else "mixed"


def consent(purpose: str, parts: Iterable[Sums]) -> Consent:
    """What a member said to a purpose. A refusal that stands at any identifier counts: a merge never widens a consent."""
    words = [part.consents[purpose] for part in parts if purpose in part.consents]
    if any(word.refused for word in words):
        return "refused"
    return "given" if words else "unasked"
