"""A row of the ERP becomes a master record. Pure: it knows the products of the reference file, and no clock."""

from typing import Any

import msgspec

from centers.masters.cells import fields
from contracts.erp import TABLES
from contracts.masters import MASTERS, Barcode, Change, Master, Row
from contracts.products import Products
from contracts.receipts import Origin
from contracts.refusals import Refused
from contracts.units import base_units


def accept(
    tenant: str, row: Row, products: Products, *, change: Change, known_at: str, origin: Origin, within: str = ""
) -> Master | Refused:
    """The record that a row's cells stand for, or why they are none. The same arguments give the same record."""
    found = fields(TABLES[row.table], row.cells, within)
    if isinstance(found, Refused):
        return found
    wrong = _reshaped(row.table, found, products)
    if wrong is not None:
        return Refused(wrong.code, f"{within}{wrong.place}")
    position = row.position
    return MASTERS[row.table](
        tenant=tenant,
        change=change,
        source=position.source,
        version=position.version,
        at=position.at,
        known_at=known_at,
        origin=origin,
        **found,
    )


def _reshaped(table: str, found: dict[str, Any], products: Products) -> Refused | None:
    """Turns the cells of a table into the fields of its record, in place, and checks what several cells say together."""
    if table == "product":
        return _product(found)
    if table == "price":
        found["amount_cents"] = found.pop("amount")
        if found["valid_to"] and found["valid_to"] <= found["valid_from"]:
            return Refused("bad_value", "valid_to")
        return _unit(found, products)
    if table == "purchase_order_line":
        found["price_cents"] = found.pop("price")
        return _unit(found, products) or _quantity(found, products)
    return None


def _product(found: dict[str, Any]) -> Refused | None:
    base: str = found["base_unit"]
    units: dict[str, str] = found["units"]
    if units.setdefault(base, "1") != "1":
        return Refused("bad_conversion", "units")
    codes: tuple[Barcode, ...] = found["barcodes"]
    if any(code.unit and code.unit not in units for code in codes):
        return Refused("unknown_unit", "barcodes")
    found["barcodes"] = tuple(msgspec.structs.replace(code, unit=code.unit or base) for code in codes)
    return None


def _unit(found: dict[str, Any], products: Products) -> Refused | None:
    """A unit that the product does not have is refused; of a product that is not known yet nothing can be said."""
    product = products.by_sku.get(found["sku"])
    known = product is None or found["unit"] in product.units
    return None if known else Refused("unknown_unit", "unit")


def _quantity(found: dict[str, Any], products: Products) -> Refused | None:
    product = products.by_sku.get(found["sku"])
    found["base_quantity"] = None
    if product is not None:
        found["base_quantity"] = base_units(found["quantity"], product.units[found["unit"]])
        if found["base_quantity"] is None:
            return Refused("part_of_unit", "quantity")
    return None
