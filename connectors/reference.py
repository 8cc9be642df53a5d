"""The product reference file: `products-<version>.jsonl`, one product a line, as docs/feeds/pos.md describes it.

{"sku": "10001", "name": "Apples", "department": "Produce", "base_unit": "g", "units": {"g": "1", "kg": "1000"},
 "barcodes": ["6901234567892"], "variants": {"808950810": "kg"}}
{"sku": "20001", "base_unit": "each", "units": {"each": "1"}, "bundle": [{"sku": "10001", "quantity": "2", "unit": "kg"}]}
"""

import hashlib
import re
from collections.abc import Container
from fractions import Fraction
from pathlib import Path
from typing import Annotated, NoReturn

import msgspec
from msgspec import structs

from connectors.settings import Settings
from contracts.errors import BadInput
from contracts.pos import Name, Quantity
from contracts.products import Factor, Part, Product, Products

_FILE = re.compile(r"products-(\d{1,9})\.jsonl\Z")
_FACTOR = re.compile(r"(?:[0-9]{1,12}(?:\.[0-9]{1,9})?|[0-9]{1,12}/[1-9][0-9]{0,11})\Z")
_MEND = "Mend the line, save the file under the next version number, and try again."


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    sku: Name
    quantity: Quantity
    unit: Name
    share: Annotated[int, msgspec.Meta(ge=0, le=10**9)] = 1


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    sku: Name
    base_unit: Name
    units: dict[str, str]
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    department: Annotated[str, msgspec.Meta(max_length=200)] = ""
    barcodes: tuple[Name, ...] = ()
    variants: dict[Name, str] = {}
    bundle: tuple[_Part, ...] = ()
    barcode_units: dict[Name, str] = {}


def load_products(settings: Settings) -> Products:
    """The products of the file that the settings name, or of the newest version in `<home>/reference/`.

    Raises `BadInput` with the line number for a line that cannot be used, and for a SKU or barcode that is there twice.
    """
    path = _products_file(settings)
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise _unreadable(path, error) from None
    index = _indexed(path, lines)
    return Products(_version(path), index.by_sku, index.by_barcode, index.by_variant)


def load_products_if_any(settings: Settings) -> Products:
    """The same, or no products where no file is named and none is there: the ERP may be the first to speak."""
    if not settings.products and not any((settings.home / "reference").glob("products-*.jsonl")):
        return Products(0, {}, {})
    return load_products(settings)


def products_print(settings: Settings) -> str:
    """What differs when another product file is used, or its contents are others; "" without one. Reads no product."""
    if not settings.products and not any((settings.home / "reference").glob("products-*.jsonl")):
        return ""
    path = _products_file(settings)
    try:
        with path.open("rb") as file:
            return f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}"
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> BadInput:
    return BadInput(f"The product file {path} cannot be read: {error.strerror}.", "Check its permissions.")


def _products_file(settings: Settings) -> Path:
    if settings.products:
        path = Path(settings.products)
        if not path.is_file():
            raise BadInput(f"There is no product file {path}.", "Check ZHONGTAI_PRODUCTS.")
        return path
    folder = settings.home / "reference"
    found = [path for path in folder.glob("products-*.jsonl") if _FILE.match(path.name)]
    if not found:
        raise BadInput(
            f"There is no product file in {folder}.",
            "Put products-1.jsonl there (docs/feeds/pos.md describes it), or name a file with ZHONGTAI_PRODUCTS.",
        )
    return max(found, key=_version)


def _version(path: Path) -> int:
    found = _FILE.match(path.name)
    if found is None:
        raise BadInput(
            f"The name of the product file {path} does not tell its version.",
            "Name it products-<number>.jsonl, such as products-7.jsonl.",
        )
    return int(found.group(1))


class _Index:
    """The products of a file, by each of their names."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.by_sku: dict[str, Product] = {}
        self.by_barcode: dict[str, Product] = {}
        self.by_variant: dict[str, tuple[Product, str]] = {}

    def add(self, n: int, product: Product, variants: dict[str, str]) -> None:
        if self.by_sku.setdefault(product.sku, product) is not product:
            _refuse(self._path, n, f"SKU {product.sku} is there twice")
        for barcode in product.barcodes:
            if self.by_barcode.setdefault(barcode, product) is not product:
                other = self.by_barcode[barcode].sku
                _refuse(self._path, n, f"barcode {barcode} is there twice; the other product is {other}")
        for variant, unit in variants.items():
            if unit not in product.units:
                _refuse(self._path, n, f"variant {variant} is sold in the unit {unit}, which the product does not have")
            if self.by_variant.setdefault(variant, (product, unit))[0] is not product:
                other = self.by_variant[variant][0].sku
                _refuse(self._path, n, f"variant {variant} is there twice; the other product is {other}")

    def replace(self, whole: Product, variants: dict[str, str]) -> None:
        self.by_sku[whole.sku] = whole
        self.by_barcode.update(dict.fromkeys(whole.barcodes, whole))
        self.by_variant.update({variant: (whole, unit) for variant, unit in variants.items()})


def _indexed(path: Path, lines: list[bytes]) -> _Index:
    read = msgspec.json.Decoder(_Written).decode
    factors: dict[str, Factor] = {}  # a few spellings ("1", "1000") make up a whole file
    index = _Index(path)
    bundles: dict[str, tuple[int, _Written]] = {}
    for n, line in enumerate(lines, 1):
        if not line or line.isspace():
            continue
        try:
            written = read(line)
            index.add(n, _product(written, factors), written.variants)
        except (ValueError, msgspec.DecodeError) as error:
            _refuse(path, n, str(error))
        if written.bundle:
            bundles[written.sku] = (n, written)
    # Only now, since a bundle may stand before its parts.
    for sku, (n, written) in bundles.items():
        try:
            whole = structs.replace(index.by_sku[sku], bundle=_parts(written, index.by_sku, bundles))
        except ValueError as error:
            _refuse(path, n, str(error))
        index.replace(whole, written.variants)
    return index


def _parts(written: _Written, by_sku: dict[str, Product], bundles: Container[str]) -> tuple[Part, ...]:
    """What a bundle holds, in base units. Raises `ValueError` with the reason for one that cannot be."""
    if not any(part.share for part in written.bundle):
        raise ValueError("at least one part of a bundle must have a share of its price")
    parts = []
    for part in written.bundle:
        product = by_sku.get(part.sku)
        if product is None or part.sku in bundles:
            raise ValueError(f"a bundle holds {part.sku}, which is {'a bundle itself' if product else 'no product'}")
        if part.unit not in product.units:
            raise ValueError(f"a bundle holds {part.sku} in the unit {part.unit}, which that product does not have")
        quantity = Fraction(part.quantity) * product.units[part.unit]
        if quantity.denominator != 1 or quantity <= 0:
            raise ValueError(f"what a bundle holds of {part.sku} is no whole number of base units above zero")
        parts.append(Part(part.sku, quantity.numerator, part.share))
    return tuple(parts)


def _product(written: _Written, factors: dict[str, Factor]) -> Product:
    units: dict[str, Factor] = {}
    for unit, text in written.units.items():
        if text not in factors:
            factors[text] = _factor(text)
        units[unit] = factors[text]
    if units.setdefault(written.base_unit, 1) != 1:
        raise ValueError("the base unit must have the factor 1")
    for barcode, unit in written.barcode_units.items():
        if barcode not in written.barcodes or unit not in units:
            raise ValueError(
                f"barcode_units names a barcode or a unit that the product does not have ({barcode}, {unit})"
            )
    return Product(
        written.sku,
        written.base_unit,
        units,
        written.barcodes,
        written.name,
        written.department,
        barcode_units=written.barcode_units,
    )


def _factor(text: str) -> Factor:
    """Base units in one unit: `12`, `0.5` or `1/3`. Whole ones as `int`, which multiply much faster."""
    if not _FACTOR.match(text):
        raise ValueError('a factor is a number above zero in quotes, such as "12", "0.5" or "1/3"')
    exact = Fraction(text)
    if exact == 0:
        raise ValueError("a factor must be above zero")
    return exact.numerator if exact.denominator == 1 else exact


def _refuse(path: Path, n: int, wrong: str) -> NoReturn:
    raise BadInput(f"{path}:{n}: {wrong}.", _MEND)
