"""Every decoder of what others send, named and not discovered, with examples from which hostile inputs are bred.

A feed adds its own here: bytes in, and out comes what they say or a `Refused`. Whatever the bytes are, nothing may be raised.
"""

import atexit
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from lxml import etree

from cli.erp_formats import changes, drops
from cli.judging import poslog as poslog_opened
from cli.judging import receipts_jsonl
from cli.web_formats import segment_lines, shopify_lines
from cli.wms_formats import epcis_documents
from connectors.ecommerce import segment, shopify
from connectors.ecommerce.segment import Batch
from connectors.erp import drop
from connectors.feeds import Piece, Verdict
from connectors.pos import poslog
from connectors.settings import Settings
from connectors.wms import epcis
from contracts.errors import BadInput
from contracts.pos import PosReceipt
from contracts.products import Part, Product, Products
from contracts.refusals import Refused
from contracts.web import WebFact
from tests.pos_examples import REFERENCE
from tests.shopify_examples import SHOP
from tests.warehouse_examples import WAREHOUSE_LOCATIONS, WAREHOUSE_PRODUCTS

ROOT = Path(__file__).parents[3]
FEEDS = ROOT / "docs" / "feeds"
SETTINGS = Settings(home=ROOT / ".nowhere", tenant="t")


class Decoder(NamedTuple):
    """`decode` takes bytes; `good` is the type of what it makes of good ones; `json`: inputs may be bred as JSON values."""

    decode: Callable[[bytes], Any]
    good: type
    examples: tuple[bytes, ...]
    json: bool = True


def _lines(name: str) -> tuple[bytes, ...]:
    return tuple((FEEDS / name).read_bytes().splitlines())


def _judged(judge: Callable[[Piece], Verdict]) -> Callable[[bytes], Verdict | Refused]:
    """A format's whole judgement: decoding and the business rules behind it."""

    def decode(value: bytes) -> Verdict | Refused:
        verdict = judge(Piece(value, 1))
        return verdict.refused or verdict

    return decode


def _products(receipts: tuple[bytes, ...]) -> Products:
    """Everything that the receipts sell, in every unit: so that good ones stay good and the rules behind are reached."""
    lines = [line for one in receipts for line in msgspec.json.decode(one)["lines"]]
    units = {line["unit"]: 10**6 for line in lines}
    by_sku = {line["sku"]: Product(line["sku"], "part", units) for line in lines if "sku" in line}
    by_barcode = {line["barcode"]: Product("B", "part", units) for line in lines if "barcode" in line}
    return Products(1, by_sku, by_barcode)


def _receipts() -> Decoder:
    examples = _lines("pos-example.jsonl")
    return Decoder(_judged(receipts_jsonl(SETTINGS, _products(examples)).judge), Verdict, examples)


def _poslog() -> Decoder:
    path = FEEDS / "poslog-example.xml"
    with path.open("rb") as file:
        examples = tuple(piece.value for piece in poslog.pieces(file, path))
    return Decoder(_judged(poslog_opened(SETTINGS, REFERENCE).judge), Verdict, examples, json=False)


def _printable(value: Any) -> str:
    return "".join(c for c in str(value) if c.isprintable())


def _poslog_values() -> Decoder:
    """Transactions whose values are damaged and whose XML is whole: bred as JSON, which is written as XML."""

    def told(element: Any) -> dict[str, Any]:
        return {
            "name": etree.QName(element).localname,
            "attributes": dict(element.attrib),
            "text": (element.text or "").strip(),
            "inside": [told(child) for child in element],
        }

    def element(tree: Any) -> Any:
        name, attributes, inside = (tree.get(part) for part in ("name", "attributes", "inside"))
        made = etree.Element(f"{{{poslog.NAMESPACE}}}{name if isinstance(name, str) and name.isalpha() else 'X'}")
        for key, said in attributes.items() if isinstance(attributes, dict) else ():
            made.set(key if key.isalpha() else "X", _printable(said))
        made.text = _printable(tree.get("text"))
        made.extend([element(one) for one in inside if isinstance(one, dict)] if isinstance(inside, list) else ())
        return made

    poslog_ = _poslog()

    def decode(value: bytes) -> Verdict | Refused:
        try:
            written = etree.tostring(element(json.loads(value)), encoding="UTF-8")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return Refused("not_xml")  # what no XML can say
        verdict: Verdict | Refused = poslog_.decode(written)
        return verdict

    examples = tuple(json.dumps(told(etree.fromstring(one))).encode() for one in poslog_.examples)
    return Decoder(decode, Verdict, examples)


def _poslog_file() -> Decoder:
    """A whole file: each of its transactions decoded, and a file that is none refused as the command refuses it."""

    def decode(value: bytes) -> list[PosReceipt | Refused] | Refused:
        try:
            return [poslog.decode(piece.value) for piece in poslog.pieces(BytesIO(value), Path("x.xml"))]
        except BadInput:
            return Refused("not_xml")

    return Decoder(decode, list, ((FEEDS / "poslog-example.xml").read_bytes(),), json=False)


def _shopify() -> Decoder:
    examples = _lines("ecommerce-shopify-example.jsonl")
    apple = Product("20001", "g", {"g": 1, "kg": 1000})
    crate = Product("30001", "each", {"each": 1}, bundle=(Part("20001", 2000),))
    known = Products(1, {"20001": apple, "30001": crate}, {}, {"808950810": (apple, "kg")})
    return Decoder(_judged(shopify_lines(SETTINGS, known).judge), Verdict, examples)


def _shopify_http() -> Decoder:
    about = {"zt_topic": "orders/updated", "zt_shop": SHOP}
    bodies = tuple(
        msgspec.json.encode(msgspec.json.decode(line)["body"]) for line in _lines("ecommerce-shopify-example.jsonl")[:5]
    )
    return Decoder(lambda value: shopify.decode(value, about), WebFact, bodies)


def _segment() -> Decoder:
    return Decoder(_judged(segment_lines(SETTINGS).judge), Verdict, _lines("ecommerce-segment-example.jsonl"))


def _segment_batch() -> Decoder:
    return Decoder(segment.batch, Batch, _lines("ecommerce-segment-example.jsonl")[4:5])


def _epcis() -> Decoder:
    judge = epcis_documents(SETTINGS, WAREHOUSE_PRODUCTS, WAREHOUSE_LOCATIONS).judge
    return Decoder(_judged(judge), Verdict, _lines("wms-example.ndjson"))


def _epcis_document() -> Decoder:
    return Decoder(epcis.split, list, ((FEEDS / "wms-example.jsonld").read_bytes(),))


def _debezium() -> Decoder:
    return Decoder(_judged(changes(SETTINGS, WAREHOUSE_PRODUCTS).judge), Verdict, _lines("erp-example.jsonl"))


def _csv_row() -> Decoder:
    path = FEEDS / "erp-drop" / "manifest.json"
    form = drops(SETTINGS, WAREHOUSE_PRODUCTS)
    with path.open("rb") as file:
        examples = tuple(piece.value for piece in form.pieces(file, path))
    return Decoder(_judged(form.judge), Verdict, examples)


def _csv_manifest() -> Decoder:
    return Decoder(drop.read_manifest, drop.Manifest, ((FEEDS / "erp-drop" / "manifest.json").read_bytes(),))


def _csv_file() -> Decoder:
    """The bytes of a file of a drop: read as a whole, or refused as a whole."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-drop-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    example = (FEEDS / "erp-drop" / "product.csv").read_bytes()

    def decode(value: bytes) -> bytes | Refused:
        (folder / "product.csv").write_bytes(value)
        table = drop.TableFile("product", "product.csv", "partial", 2, hashlib.sha256(value).hexdigest())
        fault = drop.check(folder, table)
        return fault.refused if fault else value

    return Decoder(decode, bytes, (example,), json=False)


# name → what opens it: a decoder may need files, and only those that are asked for are opened.
DECODERS: dict[str, Callable[[], Decoder]] = {
    "receipts-jsonl": _receipts,
    "poslog": _poslog,
    "poslog-values": _poslog_values,
    "poslog-file": _poslog_file,
    "shopify": _shopify,
    "shopify-http": _shopify_http,
    "segment": _segment,
    "segment-batch": _segment_batch,
    "epcis": _epcis,
    "epcis-document": _epcis_document,
    "debezium": _debezium,
    "csv-row": _csv_row,
    "csv-manifest": _csv_manifest,
    "csv-file": _csv_file,
}
