"""The products and places of which the examples of the feeds `wms` and `erp` speak."""

from contracts.locations import Location, Locations
from contracts.products import Product, Products

_WATER = Product("P1", "each", {"each": 1, "case": 12}, ("2000001123454",))
_APPLE = Product("P2", "g", {"g": 1, "kg": 1000}, ("2000001123461",))
_PLACES = (
    Location("DC1", "warehouse", ("9520000000011",)),
    Location("S001", "store", ("9520000000028",)),
)
WAREHOUSE_PRODUCTS = Products(
    1, {p.sku: p for p in (_WATER, _APPLE)}, {code: p for p in (_WATER, _APPLE) for code in p.barcodes}
)
WAREHOUSE_LOCATIONS = Locations(1, {gln: place for place in _PLACES for gln in place.glns})
