"""Products as the jobs need them: names that a till may use, and units counted in whole base units."""

from collections.abc import Mapping
from fractions import Fraction

import msgspec

# A whole factor is an `int`: most are, and integers multiply about twenty times faster than fractions.
Factor = int | Fraction


class Product(msgspec.Struct, frozen=True, gc=False):
    """`base_unit` is what stock is counted in. `units` maps each unit that a till may use to base units in one of it.

    Not tracked by the garbage collector: a product refers to nothing that could refer back to it.
    """

    sku: str
    base_unit: str
    units: dict[str, Factor]
    barcodes: tuple[str, ...] = ()
    name: str = ""
    department: str = ""


class Products(msgspec.Struct, frozen=True):
    """One version of the product reference file. Events record the version by which they were read."""

    version: int
    by_sku: Mapping[str, Product]
    by_barcode: Mapping[str, Product]
