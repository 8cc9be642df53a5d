"""`event.visibility`: what happened to goods in a warehouse or on their way, checked and with our names. EPCIS 2.0."""

from typing import ClassVar, Literal

import msgspec

from contracts.epcis import Action, EventType
from contracts.keys import record_id
from contracts.receipts import Origin
from contracts.wire import Record

# What an event does to stock: it moves it, it counts it, it takes back what its first form did (an error declaration), or
# nothing: because of its kind, because it happened elsewhere, or because it was declared an error before it came.
Effect = Literal["moves", "counts", "none", "elsewhere"]
Standing = Literal["stands", "voids", "voided", "declared"]


class Item(msgspec.Struct, frozen=True, gc=False):
    """Things that an event names: instances (with a serial), or a quantity of a class.

    `key` is the number with its check digit, "" for an identifier of another scheme and for one that numbers a person.
    `sku` is "" for what is no product of ours; then, and where nobody said how many, `quantity` (base units) is None.
    """

    role: Literal["object", "parent", "child", "input", "output"]
    kind: str
    key: str
    sku: str = ""
    lot: str = ""
    serial: str = ""
    expires_on: str = ""
    quantity: int | None = None
    unit: str = ""


class BusinessDocument(msgspec.Struct, frozen=True, gc=False):
    type: str
    id: str


class Count(msgspec.Struct, frozen=True, gc=False):
    """When a count began and ended (RFC 3339 in UTC), and on which sheet."""

    started_at: str
    ended_at: str
    sheet: str = ""


class Declaration(msgspec.Struct, frozen=True, gc=False):
    """That an event was an error, and the events that say it right."""

    at: str
    reason: str
    corrected_by: tuple[str, ...] = ()


class VisibilityEvent(Record, frozen=True, kw_only=True, gc=False):
    """One EPCIS event. Keyed (tenant, visibility id); partitioned by it; never twice.

    `epcis_id` is the sender's `eventID`, or the event hash. An error declaration has the epcis_id of what it declares and
    an id of its own; `standing` tells what it means: `voids` takes back an event that came before, `declared` waits for
    one, and that one is then `voided` from the start. Places: `location` is where it happened, `from_location` and
    `to_location` are those of a shipment; ours by code, "" for others', with their GLNs beside. Times are UTC.
    """

    TYPE: ClassVar[str] = "event.visibility"
    V: ClassVar[int] = 1

    v: int = 1
    tenant: str
    visibility_id: str
    epcis_id: str
    type: EventType
    action: Action | None
    step: str
    disposition: str
    disposed: tuple[str, ...]
    no_longer: tuple[str, ...]
    at: str
    offset: str
    effect: Effect
    standing: Standing
    location: str
    from_location: str
    to_location: str
    glns: dict[str, str]
    items: tuple[Item, ...]
    documents: tuple[BusinessDocument, ...]
    count: Count | None
    declaration: Declaration | None
    sensors: str
    products_version: int
    locations_version: int
    received_at: str
    origin: Origin


class VisibilityMark(Record, frozen=True, kw_only=True, gc=False):
    """`log.accept_visibility`: what came of an epcis_id so far: the event itself, its error declaration, or both.

    Keyed (tenant, epcis_id). `moved` tells what the event, when it came, did to stock: a hash, because a declaration must
    take back just that.
    """

    TYPE: ClassVar[str] = "log.accept_visibility"
    V: ClassVar[int] = 1

    v: int = 1
    tenant: str
    event: bool
    declared: bool
    moved: str = ""


def visibility_id(tenant: str, epcis_id: str, *, declared: bool) -> str:
    return record_id(tenant, "wms", epcis_id, "declared_an_error" if declared else "event")
