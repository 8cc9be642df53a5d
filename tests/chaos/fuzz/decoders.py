"""Every decoder of what others send, named and not discovered, with examples from which hostile inputs are bred.

A feed adds its own here: bytes in, and out comes what they say or a `Refused`. Whatever the bytes are, nothing may be raised.
"""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from cli.judging import poslog as poslog_opened
from cli.judging import receipts_jsonl
from cli.web_formats import segment_lines, shopify_lines
from connectors.ecommerce import segment, shopify
from connectors.ecommerce.segment import Batch
from connectors.feeds import Piece, Verdict
from connectors.pos import poslog
from connectors.settings import Settings
from contracts.errors import BadInput
from contracts.pos import PosReceipt
from contracts.refusals import Refused
from contracts.web import WebFact
from tests.pos_examples import REFERENCE
from tests.shopify_examples import SHOP, WEB_PRODUCTS

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


def _receipts() -> Decoder:
    return Decoder(_judged(receipts_jsonl(SETTINGS, REFERENCE).judge), Verdict, _lines("pos-example.jsonl"))


def _poslog() -> Decoder:
    path = FEEDS / "poslog-example.xml"
    with path.open("rb") as file:
        examples = tuple(piece.value for piece in poslog.pieces(file, path))
    return Decoder(_judged(poslog_opened(SETTINGS, REFERENCE).judge), Verdict, examples, json=False)


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
    return Decoder(_judged(shopify_lines(SETTINGS, WEB_PRODUCTS).judge), Verdict, examples)


def _shopify_http() -> Decoder:
    from msgspec.json import decode, encode

    about = {"zt_topic": "orders/updated", "zt_shop": SHOP}
    bodies = tuple(encode(decode(line)["body"]) for line in _lines("ecommerce-shopify-example.jsonl")[:5])
    return Decoder(lambda value: shopify.decode(value, about), WebFact, bodies)


def _segment() -> Decoder:
    return Decoder(_judged(segment_lines(SETTINGS).judge), Verdict, _lines("ecommerce-segment-example.jsonl"))


def _segment_batch() -> Decoder:
    return Decoder(segment.batch, Batch, _lines("ecommerce-segment-example.jsonl")[4:5])


# name → what opens it: a decoder may need files, and only those that are asked for are opened.
DECODERS: dict[str, Callable[[], Decoder]] = {
    "receipts-jsonl": _receipts,
    "poslog": _poslog,
    "poslog-file": _poslog_file,
    "shopify": _shopify,
    "shopify-http": _shopify_http,
    "segment": _segment,
    "segment-batch": _segment_batch,
}
