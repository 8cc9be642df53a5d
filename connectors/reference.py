"""The product reference file: `products-<version>.jsonl`, one product a line, as docs/feeds/pos.md describes it.

{"sku": "10001", "name": "Apples", "department": "Produce", "base_unit": "g", "units": {"g": "1", "kg": "1000"},
 "barcodes": ["6901234567892"]}
"""

import re
from fractions import Fraction
from pathlib import Path
from typing import Annotated, NoReturn

import msgspec

from connectors.settings import Settings
from contracts.errors import BadInput
from contracts.pos import Name
from contracts.products import Factor, Product, Products

_FILE = re.compile(r"products-(\d{1,9})\.jsonl\Z")
_FACTOR = re.compile(r"(?:[0-9]{1,12}(?:\.[0-9]{1,9})?|[0-9]{1,12}/[1-9][0-9]{0,11})\Z")
_MEND = "Mend the line, save the file under the next version number, and try again."


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    sku: Name
    base_unit: Name
    units: dict[str, str]
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    department: Annotated[str, msgspec.Meta(max_length=200)] = ""
    barcodes: tuple[Name, ...] = ()


def load_products(settings: Settings) -> Products:
    """The products of the file that the settings name, or of the newest version in `<home>/reference/`.

    Raises `BadInput` with the line number for a line that cannot be used, and for a SKU or barcode that is there twice.
    """
    path = _products_file(settings)
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise BadInput(f"The product file {path} cannot be read: {error.strerror}.", "Check its permissions.") from None
    return Products(_version(path), *_indexed(path, lines))


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


def _indexed(path: Path, lines: list[bytes]) -> tuple[dict[str, Product], dict[str, Product]]:
    read = msgspec.json.Decoder(_Written).decode
    factors: dict[str, Factor] = {}  # a few spellings ("1", "1000") make up a whole file
    by_sku: dict[str, Product] = {}
    by_barcode: dict[str, Product] = {}
    for n, line in enumerate(lines, 1):
        if not line or line.isspace():
            continue
        try:
            product = _product(read(line), factors)
        except (ValueError, msgspec.DecodeError) as error:
            _refuse(path, n, str(error))
        if by_sku.setdefault(product.sku, product) is not product:
            _refuse(path, n, f"SKU {product.sku} is there twice")
        for barcode in product.barcodes:
            if by_barcode.setdefault(barcode, product) is not product:
                _refuse(path, n, f"barcode {barcode} is there twice; the other product is {by_barcode[barcode].sku}")
    return by_sku, by_barcode


def _product(written: _Written, factors: dict[str, Factor]) -> Product:
    units: dict[str, Factor] = {}
    for unit, text in written.units.items():
        if text not in factors:
            factors[text] = _factor(text)
        units[unit] = factors[text]
    if units.setdefault(written.base_unit, 1) != 1:
        raise ValueError("the base unit must have the factor 1")
    return Product(written.sku, written.base_unit, units, written.barcodes, written.name, written.department)


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
