"""What an event names: GTINs become SKUs, quantities become base units. Pure."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Literal

import msgspec

from contracts.epcis import EpcisEvent, QuantityElement
from contracts.gs1 import PERSONAL, Identifier, expiry_day, identify
from contracts.products import Product, Products
from contracts.refusals import Refused
from contracts.units import PIECE, base_units, unit_named
from contracts.visibility import Item

MOST_BASE_UNITS = 10**15
Role = Literal["object", "parent", "child", "input", "output"]
_LISTS: tuple[tuple[str, Role], ...] = (
    ("epcList", "object"),
    ("childEPCs", "child"),
    ("inputEPCList", "input"),
    ("outputEPCList", "output"),
)
_QUANTITIES: tuple[tuple[str, Role], ...] = (
    ("quantityList", "object"),
    ("childQuantityList", "child"),
    ("inputQuantityList", "input"),
    ("outputQuantityList", "output"),
)
# A container that goes takes what is in it along; which goods those are, only the aggregations before it tell.
_CONTAINERS = frozenset({"sscc", "grai", "giai"})


class _Thing(msgspec.Struct, frozen=True):
    place: str
    role: Role
    what: Identifier
    quantity: Decimal | None
    uom: str
    quantity_place: str


def items(event: EpcisEvent, products: Products, *, moving: bool) -> tuple[Item, ...] | Refused:
    """The items in the order of the event's fields. Where stock `moving` is at stake, each must be a product of ours."""
    found: list[Item] = []
    for thing in _things(event):
        product = _product(thing.what, products)
        item = _item(thing, product, event, moving=moving)
        if isinstance(item, Refused):
            return item
        found.append(item)
    return tuple(found)


def _things(event: EpcisEvent) -> Iterator[_Thing]:
    if event.parentID:
        yield _thing("parentID", "parent", event.parentID, None)
    for field, role in _LISTS:
        for n, uri in enumerate(getattr(event, field), 1):
            yield _thing(f"{field}[{n}]", role, uri, None)
    for field, role in _QUANTITIES:
        for n, element in enumerate(getattr(event, field), 1):
            yield _thing(f"{field}[{n}]", role, element.epcClass, element)


def _thing(place: str, role: Role, uri: str, element: QuantityElement | None) -> _Thing:
    what = identify(uri)
    known = what if isinstance(what, Identifier) else Identifier("other", uri)
    if element is None:
        return _Thing(place, role, known, Decimal(1), "", place)
    return _Thing(f"{place}.epcClass", role, known, element.quantity, element.uom or "", f"{place}.quantity")


def _product(what: Identifier, products: Products) -> tuple[Product, str] | None:
    """The product of a GTIN and the barcode by which it is known: 14 digits, or the shorter forms without their zeros."""
    if what.kind != "gtin":
        return None
    for zeros in (0, 1, 2, 6):
        code = what.key[zeros:]
        if what.key.startswith("0" * zeros) and code in products.by_barcode:
            return products.by_barcode[code], code
    return None


def _item(thing: _Thing, known: tuple[Product, str] | None, event: EpcisEvent, *, moving: bool) -> Item | Refused:
    what = thing.what
    counts = moving and thing.role != "parent" and what.kind not in _CONTAINERS
    own = {"object": event.lot, "output": event.lot}.get(thing.role, "")
    plain = Item(
        role=thing.role,
        kind=what.kind,
        key="" if what.kind in PERSONAL or what.kind == "other" else what.key,
        lot=what.lot or own,
        serial="" if what.kind in PERSONAL else what.serial,
        expires_on=expiry_day(what.expires) or (event.expires_on if thing.role in {"object", "output"} else ""),
    )
    if known is None:
        # An instance with a number of another kind (a crate, a document) is no stock; a class of goods always is.
        goods = what.kind == "gtin" or thing.place.endswith(".epcClass")
        return Refused("unknown_gtin", thing.place) if counts and goods else plain
    product, barcode = known
    quantity = _base(thing, product, barcode)
    if isinstance(quantity, Refused) and counts:
        return quantity
    known_quantity = None if isinstance(quantity, Refused) else quantity
    return msgspec.structs.replace(plain, sku=product.sku, quantity=known_quantity, unit=product.base_unit)


def _base(thing: _Thing, product: Product, barcode: str) -> int | Refused:
    if thing.quantity is None:
        return Refused("epcis_no_quantity", thing.quantity_place)
    if thing.uom:
        unit = unit_named(thing.uom, product.units)
        if unit is None:
            return Refused("unknown_unit", thing.quantity_place.replace(".quantity", ".uom"))
    else:
        unit = product.barcode_units.get(barcode) or (PIECE if PIECE in product.units else product.base_unit)
    quantity = base_units(thing.quantity, product.units[unit])
    if quantity is None:
        return Refused("part_of_unit", thing.quantity_place)
    return quantity if quantity <= MOST_BASE_UNITS else Refused("epcis_quantity", thing.quantity_place)
