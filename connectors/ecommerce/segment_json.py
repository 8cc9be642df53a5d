"""The parts of Segment's calls that are read (HTTP tracking API). Fields that are not named here are passed over."""

from typing import Annotated

import msgspec

from contracts.behaviour import Call

Either = str | int | float | None
Words = Annotated[str, msgspec.Meta(max_length=256)]


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class Traits(_Part, frozen=True, rename=None):
    email: Either = None
    phone: Either = None
    card: Either = None
    member_card: Either = None
    openid: Either = None
    unionid: Either = None
    name: msgspec.Raw = msgspec.Raw(b"null")
    first_name: msgspec.Raw = msgspec.field(name="firstName", default=msgspec.Raw(b"null"))
    last_name: msgspec.Raw = msgspec.field(name="lastName", default=msgspec.Raw(b"null"))


class Device(_Part, frozen=True):
    id: Either = None
    advertising_id: Either = None


class External(_Part, frozen=True):
    id: Either = None
    type: Either = None


class Consent(_Part, frozen=True):
    """Of a value only `true` is a consent; whatever else stands there is a refusal."""

    category_preferences: Annotated[dict[str, msgspec.Raw], msgspec.Meta(max_length=100)] = {}


class Context(_Part, frozen=True):
    consent: Consent = Consent()
    traits: Traits = Traits()
    device: Device = Device()
    external_ids: Annotated[list[External], msgspec.Meta(max_length=100)] = []


class WrittenCall(_Part, frozen=True):
    type: Call | None = None
    message_id: Annotated[str, msgspec.Meta(max_length=256)] | None = None
    user_id: Either = None
    anonymous_id: Either = None
    previous_id: Either = None
    group_id: Either = None
    event: Words | None = None
    name: Words | None = None
    category: Words | None = None
    timestamp: str | None = None
    traits: Traits | None = None
    context: Context | None = None
    properties: dict[str, msgspec.Raw] | None = None


class WrittenBatch(_Part, frozen=True):
    batch: Annotated[list[msgspec.Raw], msgspec.Meta(max_length=10_000)]
    sent_at: str | None = None
    write_key: str | None = None
    context: msgspec.Raw = msgspec.Raw(b"")
