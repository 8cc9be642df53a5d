"""The formats of the feed `wms`, composed with the job's own opinion of a record."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from centers.visibility.accept import accept
from connectors.feeds import LONGEST_READ, Format, Piece, Verdict, lines
from connectors.locations import load_locations
from connectors.reference import load_products
from connectors.settings import Settings
from connectors.wms import epcis
from contracts.locations import Locations
from contracts.products import Products
from contracts.receipts import Origin
from contracts.refusals import Refused

FEED = "wms"
_NOWHERE = Origin("", -1, -1)


def epcis_documents(settings: Settings, products: Products | None = None, locations: Locations | None = None) -> Format:
    """The format `epcis`. Raises `BadInput` for a product or location file that cannot be used."""
    goods, places = products or load_products(settings), locations or load_locations(settings)

    def judge(piece: Piece) -> Verdict:
        decoded = epcis.refused_whole(piece.value) or epcis.decode(piece.value)
        by = epcis.partitioning_key(settings.tenant, piece.value, decoded)
        if isinstance(decoded, Refused):
            return Verdict(by, decoded)
        event = accept(settings.tenant, decoded, goods, places, received_at="", origin=_NOWHERE)
        if isinstance(event, Refused):
            return Verdict(by, event)
        return Verdict(by, None, event.visibility_id, event.at, UUID(event.visibility_id).bytes)

    return Format(feed=FEED, name=epcis.FORMAT, pieces=pieces, judge=judge, falls=_fallen)


def pieces(file: BinaryIO, path: Path) -> Iterator[Piece]:
    """The events of a file: one document or event in a *.json or *.jsonld file, else one a line.

    A document falls into its events, each with the document's context. One that is refused stays whole, so that it can be
    looked at and mended as a whole: nothing of it is taken.
    """
    if path.suffix in {".json", ".jsonld"}:
        yield from _fallen(Piece(file.read(LONGEST_READ + 1), 1))
        return
    for line in lines(file, path):
        yield from _fallen(line)


def _fallen(piece: Piece) -> list[Piece]:
    found = epcis.split(piece.value)
    return [piece] if isinstance(found, Refused) else [Piece(event, piece.line, piece.headers) for event in found]
