"""What a warehouse says: one EPCIS 2.0 event of the feed format `epcis`, as received.

The shape of the standard fields of GS1's JSON binding (EPCIS 2.0, 7.2 to 7.4 and 10), with their names there. Extension
fields are not part of it. Numbers are exact decimals. docs/feeds/wms.md tells integrators which of it moves stock.
"""

from decimal import Decimal
from typing import Literal

import msgspec

EventType = Literal["ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent", "AssociationEvent"]
Action = Literal["ADD", "OBSERVE", "DELETE"]
# Counts have no field of their own in the standard: they come as extension fields of this vocabulary.
COUNT_VOCABULARY = "https://zhongtai.dev/epcis/"


class _Part(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    pass


class Place(_Part, frozen=True, kw_only=True):
    id: str


class QuantityElement(_Part, frozen=True, kw_only=True):
    """`quantity` without `uom` counts instances; without `quantity` it is unknown how many there are."""

    epcClass: str
    quantity: Decimal | None = None
    uom: str | None = None


class BizTransaction(_Part, frozen=True, kw_only=True):
    type: str = ""
    bizTransaction: str


class Source(_Part, frozen=True, kw_only=True):
    type: str
    source: str


class Destination(_Part, frozen=True, kw_only=True):
    type: str
    destination: str


class PersistentDisposition(_Part, frozen=True, kw_only=True):
    set: tuple[str, ...] = ()
    unset: tuple[str, ...] = ()


class ErrorDeclaration(_Part, frozen=True, kw_only=True):
    declarationTime: str
    reason: str = ""
    correctiveEventIDs: tuple[str, ...] = ()


class Count(_Part, frozen=True, kw_only=True):
    """When a count began and ended, and on which sheet: RFC 3339 as written, "" where nothing is said."""

    start: str = ""
    end: str = ""
    sheet: str = ""


class EpcisEvent(_Part, frozen=True, kw_only=True):
    """The five event types in one shape: a field that a type does not have is empty.

    `eventID` is never empty: an event that has none gets the hash of its content. `lot` and `expires_on` come from
    `ilmd`, `sensors` is `sensorElementList` as it stands, without its extension fields.
    """

    type: EventType
    eventTime: str
    eventTimeZoneOffset: str
    eventID: str = ""
    action: Action | None = None
    bizStep: str = ""
    disposition: str = ""
    persistentDisposition: PersistentDisposition | None = None
    readPoint: Place | None = None
    bizLocation: Place | None = None
    parentID: str = ""
    epcList: tuple[str, ...] = ()
    quantityList: tuple[QuantityElement, ...] = ()
    childEPCs: tuple[str, ...] = ()
    childQuantityList: tuple[QuantityElement, ...] = ()
    inputEPCList: tuple[str, ...] = ()
    inputQuantityList: tuple[QuantityElement, ...] = ()
    outputEPCList: tuple[str, ...] = ()
    outputQuantityList: tuple[QuantityElement, ...] = ()
    transformationID: str = ""
    bizTransactionList: tuple[BizTransaction, ...] = ()
    sourceList: tuple[Source, ...] = ()
    destinationList: tuple[Destination, ...] = ()
    errorDeclaration: ErrorDeclaration | None = None
    count: Count | None = None
    lot: str = ""
    expires_on: str = ""
    sensors: str = ""
