"""The job's own opinion of a receipt, composed for commands that must count as the job counts."""

from centers.receipts.accept import accept
from connectors.feeds import Format, Number, Piece, Verdict, lines
from connectors.pos.receipts_jsonl import FORMAT, decode, partitioning_key
from connectors.reference import load_products
from connectors.settings import Settings
from contracts.pos import PosReceipt
from contracts.products import Products
from contracts.receipts import Origin, Receipt, Token
from contracts.refusals import Refused
from oneid.identifiers import normalise

_NOWHERE = Origin("", -1, -1)


def judge(settings: Settings, products: Products, receipt: PosReceipt) -> Receipt | Refused:
    """What the job will make of a receipt. The tokens in it are empty: only the job asks the key store for keys."""
    readable = {
        shown: Token(shown.type, "", "")
        for shown in receipt.identifiers
        if normalise(shown.type, shown.value, settings.phone_region) is not None
    }
    return accept(settings.tenant, receipt, products, readable, received_at="", origin=_NOWHERE)


def verdict(settings: Settings, products: Products, value: bytes, decoded: PosReceipt | Refused) -> Verdict:
    """The verdict on a till's record, in whatever format it was written. Raw records of a store share a partition."""
    by = partitioning_key(settings.tenant, value, decoded)
    judged = decoded if isinstance(decoded, Refused) else judge(settings, products, decoded)
    if isinstance(judged, Refused):
        return Verdict(by, judged)
    mark = Number(judged.store, judged.till, judged.business_date, judged.number)
    return Verdict(by, None, judged.receipt_id, judged.at, mark)


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
