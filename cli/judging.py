"""The job's own opinion of a receipt, composed for commands that must count as the job counts."""

from centers.receipts.accept import accept
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
