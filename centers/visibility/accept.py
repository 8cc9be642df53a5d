"""What a warehouse wrote becomes an event with our names: products, places, base units. Pure.

It cannot tell what time it is, and gives the same answer to the connector that counts a file and to the job.
"""

from centers.stock.steps import Way, way
from centers.visibility.items import items
from centers.visibility.places import Places, places
from contracts.epcis import EpcisEvent
from contracts.gs1 import PERSONAL, Identifier, identify
from contracts.instants import utc
from contracts.locations import Locations
from contracts.products import Products
from contracts.receipts import Origin
from contracts.refusals import Refused
from contracts.visibility import (
    BusinessDocument,
    Count,
    Declaration,
    Effect,
    VisibilityEvent,
    visibility_id,
)


def accept(
    tenant: str,
    event: EpcisEvent,
    products: Products,
    locations: Locations,
    *,
    received_at: str,
    origin: Origin,
) -> VisibilityEvent | Refused:
    """The event that a decoded one stands for, or why it is none. The first fault in reading order is reported.

    Only an event that would move stock of ours is refused for a product, a unit or a place that we do not know: others
    may tell us what happens to their goods. `standing` is that of an event of which nothing came before.
    """
    goes: Way = way(event.type, event.action, event.bizStep)
    where = places(event, locations, goes)
    if isinstance(where, Refused):
        return where
    effect = _effect(goes, where)
    things = items(event, products, moving=effect in {"moves", "counts"})
    if isinstance(things, Refused):
        return things
    return VisibilityEvent(
        tenant=tenant,
        visibility_id=visibility_id(tenant, event.eventID, declared=event.errorDeclaration is not None),
        epcis_id=event.eventID,
        type=event.type,
        action=event.action,
        step=event.bizStep,
        disposition=event.disposition,
        disposed=event.persistentDisposition.set if event.persistentDisposition else (),
        no_longer=event.persistentDisposition.unset if event.persistentDisposition else (),
        at=utc(event.eventTime),
        offset=event.eventTimeZoneOffset,
        effect=effect,
        standing="declared" if event.errorDeclaration else "stands",
        location=where.here,
        from_location=where.source,
        to_location=where.destination,
        glns=where.glns,
        items=things,
        documents=_documents(event),
        count=_count(event) if goes == "count" else None,
        declaration=_declaration(event),
        sensors=event.sensors,
        products_version=products.version,
        locations_version=locations.version,
        received_at=received_at,
        origin=origin,
    )


def _effect(goes: Way, where: Places) -> Effect:
    if not goes:
        return "none"
    ours = where.source or where.destination if goes in {"ship", "unship"} else where.here
    return ("counts" if goes == "count" else "moves") if ours else "elsewhere"


def _documents(event: EpcisEvent) -> tuple[BusinessDocument, ...]:
    found = []
    for document in event.bizTransactionList:
        named = identify(document.bizTransaction)
        if isinstance(named, Identifier) and named.kind not in PERSONAL:
            found.append(BusinessDocument(document.type, document.bizTransaction))
    return tuple(found)


def _count(event: EpcisEvent) -> Count:
    at = utc(event.eventTime)
    said = event.count
    ended = utc(said.end) if said and said.end else at
    started = utc(said.start) if said and said.start else ended
    return Count(started, ended, said.sheet if said else "")


def _declaration(event: EpcisEvent) -> Declaration | None:
    said = event.errorDeclaration
    return None if said is None else Declaration(utc(said.declarationTime), said.reason, said.correctiveEventIDs)
