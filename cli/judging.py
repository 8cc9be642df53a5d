"""The job's own opinion of a receipt, composed for commands that must count as the job counts."""

from itertools import takewhile

from centers.receipts.accept import day, refusal
from connectors.feeds import Format, Number, Piece, Verdict, lines
from connectors.pos.receipts_jsonl import FORMAT, decode, partitioning_key
from connectors.reference import load_products
from connectors.settings import Settings
from contracts.instants import utc
from contracts.pos import PosReceipt
from contracts.products import Products
from contracts.receipts import receipt_id
from contracts.refusals import Refused
from oneid.identifiers import normalise


def verdict(settings: Settings, products: Products, value: bytes, decoded: PosReceipt | Refused) -> Verdict:
    """The verdict on a till's record, in whatever format it was written. Raw records of a store share a partition.

    It is what the job will say. Identifiers are only looked at: the job alone asks the key store for keys.
    """
    by = partitioning_key(settings.tenant, value, decoded)
    if isinstance(decoded, Refused):
        return Verdict(by, decoded)
    region = settings.phone_region
    readable = set(takewhile(lambda shown: normalise(shown.type, shown.value, region) is not None, decoded.identifiers))
    refused = refusal(decoded, products, readable)
    if refused is not None:
        return Verdict(by, refused)
    mark = Number(decoded.store, decoded.till, day(decoded), decoded.number)
    return Verdict(by, None, receipt_id(settings.tenant, *mark), utc(decoded.at), mark)


def poslog(settings: Settings, products: Products | None = None) -> Format:
    """The format `poslog`. Raises `BadInput` for a product file that cannot be used."""
    from connectors.pos import poslog as form

    known = products or load_products(settings)

    def opinion(piece: Piece) -> Verdict:
        return verdict(settings, known, piece.value, form.decode(piece.value))

    return Format(feed="pos", name=form.FORMAT, pieces=form.pieces, judge=opinion)


def receipts_jsonl(settings: Settings, products: Products | None = None) -> Format:
    """The format `receipts-jsonl`. Raises `BadInput` for a product file that cannot be used."""
    known = products or load_products(settings)

    def opinion(piece: Piece) -> Verdict:
        return verdict(settings, known, piece.value, decode(piece.value))

    return Format(feed="pos", name=FORMAT, pieces=lines, judge=opinion)
