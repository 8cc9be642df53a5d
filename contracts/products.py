"""Products as the jobs need them: names that a till may use, and units counted in whole base units."""

from collections.abc import Mapping
from fractions import Fraction

import msgspec

# A whole factor is an `int`: most are, and integers multiply about twenty times faster than fractions.
Factor = int | Fraction


class Part(msgspec.Struct, frozen=True, gc=False):
    """What one of a bundle holds of another SKU, in its base units; `share` is its weight in the bundle's price."""

    sku: str
    quantity: int
    share: int = 1


class Product(msgspec.Struct, frozen=True, gc=False):
    """`base_unit` is what stock is counted in. `units` maps each unit that a till may use to base units in one of it.

    `barcode_units` tells the unit that a barcode stands for where it is not a single piece: a case has a GTIN of its own.
    A `bundle` is sold as one and has no stock of its own: it stands for its parts, none of which is a bundle.
    Not tracked by the garbage collector: a product refers to nothing that could refer back to it.
    """

    sku: str
    base_unit: str
    units: dict[str, Factor]
    barcodes: tuple[str, ...] = ()
    name: str = ""
    department: str = ""
    bundle: tuple[Part, ...] = ()
    barcode_units: dict[str, str] = {}


class Products(msgspec.Struct, frozen=True):
    """One version of the product reference file. Events record the version by which they were read.

    `by_variant`: a web shop's own id of what it sells → the product, and the unit that one of it is.
    """

    version: int
    by_sku: Mapping[str, Product]
    by_barcode: Mapping[str, Product]
    by_variant: Mapping[str, tuple[Product, str]] = {}
