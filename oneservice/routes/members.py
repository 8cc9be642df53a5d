"""`/v1/members`: one person, by an identifier or by member id. No answer holds an identifier, clear or as a token.

A clear identifier comes in the body of a POST, never in an address: addresses end up in logs and histories. It becomes its
token here (HMAC under the tenant's key), and is forgotten.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from contracts.instants import spelt
from contracts.member_map import MemberOf
from contracts.members import Sums
from oneid.identifiers import TYPES, nid, normalise
from oneid.profiles import distinct_skus, total
from oneservice.live.look_up import Found
from oneservice.problems import Problem, documented
from oneservice.routes.live_answers import Live, about
from oneservice.service import STRICT, Asking, MaxAge, Service, Shared, counted

router = APIRouter(tags=["live"], responses=documented(), dependencies=STRICT)


class Identifier(BaseModel):
    """An identifier in clear."""

    model_config = ConfigDict(extra="forbid")

    type: Literal[TYPES] = Field(description="What it is.", examples=["phone"])  # type: ignore[valid-type]
    value: str = Field(min_length=1, max_length=512, description="As people write it.", examples=["138 0013 8000"])
    max_age_seconds: float | None = Field(default=None, ge=0, le=31_536_000, description="As elsewhere.")


class Known(BaseModel):
    """One of the member's identifiers, without its value."""

    type: str
    confidence: int = Field(description="How well the evidence joins it to the member, in per cent.")


class Channel(BaseModel):
    """When a channel was used first and last."""

    first_at: str
    last_at: str


class ConsentSaid(BaseModel):
    """The latest word about a purpose."""

    given: bool
    at: str
    source: str


class ProfileNow(BaseModel):
    """What the member's identifiers have gathered together. Money is in minor units."""

    orders: int
    visits: int
    spend_cents: dict[str, int] = Field(description="By currency.")
    distinct_skus: int = Field(description="How many different products; exact up to 64, then an estimate.")
    channels: dict[str, Channel]
    stores: dict[str, int] = Field(description="Receipts and orders by shop.")
    categories: dict[str, int] = Field(description="Receipts and orders by category.")
    tags: list[str]
    consents: dict[str, ConsentSaid] = Field(description="By purpose. What is not here was never said.")


class Member(Live):
    """A member: the person that the evidence joins to one."""

    member_id: str
    confidence: int = Field(
        description="How well the identifier that was asked for is joined; 100 for a look-up by id."
    )
    identifiers: list[Known]
    profile: ProfileNow


@router.post("/v1/members/find", summary="Who is it?", response_model=Member)
def find(service: Shared, caller: Asking, request: Request, identifier: Annotated[Identifier, Body()]) -> Member:
    """The member who has an identifier: a phone number, a card, an e-mail address … 按标识查会员

    The value is in the body, so that it stands in no log. 404 tells what cannot be such an identifier
    (`no_such_identifier`) from one that nobody has shown (`no_such_member`).
    """
    caller.must("members")
    value = normalise(identifier.type, identifier.value, service.settings.phone_region)
    if value is None:
        do = "Write it as people do; docs/oneid.md says what each type looks like."
        raise Problem(
            404, "no_such_identifier", "The value cannot be an identifier of that type.", do, places=["body.value"]
        )
    found = service.live.member_of(nid(service.tenant_key(), identifier.type, value))
    return _member(service, request, found.records, found, identifier.max_age_seconds)


@router.get("/v1/members/{member_id}", summary="What is known of a member?", response_model=Member)
def member(
    service: Shared,
    caller: Asking,
    request: Request,
    member_id: Annotated[str, Path(max_length=100, description="A member id, as `find` or a segment gives it.")],
    max_age_seconds: MaxAge = None,
) -> Member:
    """A member by id: identifiers without their values, and the profile that they add up to. 会员画像"""
    caller.must("members")
    found = service.live.identifiers(member_id)
    return _member(service, request, found.records[0] if found.records else None, found, max_age_seconds, 100)


def _member(
    service: Service,
    request: Request,
    one: MemberOf | None,
    found: Found[Any],
    most: float | None,
    confidence: int | None = None,
) -> Member:
    told = about(service, found, most)
    if one is None:
        raise Problem(
            404, "no_such_member", "Nobody is known by this.", "Check it; erased members are not known either."
        )
    identifiers = service.live.identifiers(one.member_id).records
    gathered = service.live.profiles([each.nid for each in identifiers])
    if gathered.as_of is None or (found.as_of and gathered.as_of < found.as_of):
        told = about(service, gathered, most)  # the older of the two is what the answer is as of
    counted(request, 1)
    return Member(
        **told,
        member_id=one.member_id,
        confidence=one.confidence if confidence is None else confidence,
        identifiers=[Known(type=each.nid.partition(":")[0], confidence=each.confidence) for each in identifiers],
        profile=_profile(total(each.sums for each in gathered.records)),
    )


def _profile(sums: Sums) -> ProfileNow:
    return ProfileNow(
        orders=sums.orders,
        visits=sums.visits,
        spend_cents=sums.spend,
        distinct_skus=distinct_skus(sums),
        channels={name: Channel(first_at=_at(s.first), last_at=_at(s.last)) for name, s in sums.channels.items()},
        stores=sums.stores,
        categories=sums.categories,
        tags=sorted(sums.tags),
        consents={
            purpose: ConsentSaid(given=not said.refused, at=_at(said.at), source=said.source)
            for purpose, said in sums.consents.items()
        },
    )


def _at(seconds: int) -> str:
    return spelt(datetime.fromtimestamp(seconds, UTC))
