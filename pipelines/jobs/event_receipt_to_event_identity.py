"""`event.receipt` → `event.identity`: what was shown together at a till."""

from connectors.settings import Settings
from contracts.receipts import Receipt
from oneid.showing import of_receipt
from pipelines.batch import Job
from pipelines.identity.showing import showing


def job(settings: Settings) -> Job:
    return showing(settings, "show_receipts", "event.receipt", Receipt, lambda receipt: receipt.identifiers, of_receipt)
