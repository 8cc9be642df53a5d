"""`event.receipt` → `event.profile_fact`: what each receipt adds to the identifiers on it. No state: receipts come once."""

from connectors.settings import Settings
from contracts.receipts import Receipt
from pipelines.batch import Job
from pipelines.deriving import deriving
from pipelines.profiles import Products, contributor, output


def job(settings: Settings) -> Job:
    says, products = contributor(), Products(settings)
    return deriving(
        "derive_receipt_profiles",
        "event.receipt",
        Receipt,
        lambda receipt, _: says.of_receipt(receipt, products.departments) if receipt.identifiers else (),
        output,
    )
