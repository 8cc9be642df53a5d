"""The formats of the feed `ecommerce`, composed with the jobs' own opinion of a record."""

from uuid import UUID

from centers.orders.accept import accept
from connectors.ecommerce import segment, shopify
from connectors.feeds import Format, Piece, Verdict, lines
from connectors.reference import load_products
from connectors.settings import Settings
from contracts.behaviour import event_id
from contracts.products import Products
from contracts.receipts import Origin
from contracts.refusals import Refused

FEED = "ecommerce"
_NOWHERE = Origin("", -1, -1)


def shopify_lines(settings: Settings, products: Products | None = None) -> Format:
    """The format `shopify`. Raises `BadInput` for a product file that cannot be used."""
    known = products or load_products(settings)

    def judge(piece: Piece) -> Verdict:
        decoded = shopify.decode(piece.value, _text(piece))
        by = shopify.partitioning_key(settings.tenant, piece.value, decoded)
        if isinstance(decoded, Refused):
            return Verdict(by, decoded)
        # No token is needed to tell whether a fact is good, and none changes its id.
        fact = accept(settings.tenant, decoded, known, {}, known_at="", origin=_NOWHERE)
        if isinstance(fact, Refused):
            return Verdict(by, fact)
        return Verdict(by, None, fact.fact_id, fact.at, UUID(fact.fact_id).bytes)

    return Format(feed=FEED, name=shopify.FORMAT, pieces=lines, judge=judge)


def segment_lines(settings: Settings) -> Format:
    """The format `segment`."""

    def judge(piece: Piece) -> Verdict:
        heard = segment.decode(piece.value, _text(piece))
        by = segment.partitioning_key(settings.tenant, piece.value, heard)
        if isinstance(heard, Refused):
            return Verdict(by, heard)
        id = event_id(settings.tenant, heard.message)
        return Verdict(by, None, id, heard.at, UUID(id).bytes)

    return Format(feed=FEED, name=segment.FORMAT, pieces=segment.pieces, judge=judge, falls=segment.fallen)


def _text(piece: Piece) -> dict[str, str]:
    return {name: value.decode(errors="replace") for name, value in piece.headers}
