"""What the jobs that feed profiles share: the priorities, the products' departments, and how a fact goes out."""

from functools import cached_property
from pathlib import Path

import oneid
from connectors.reference import load_products
from connectors.settings import Settings
from contracts.errors import BadInput, NotReady
from contracts.keys import key
from contracts.members import ProfileFact, profile_key
from contracts.wire import headers
from oneid.contributions import Contributor, Departments
from oneid.rules import Rules, parse
from pipelines.batch import Output


def platform_rules() -> Rules:
    """The rules of identity that come with the release."""
    path = Path(oneid.__path__[0]) / "rules.yml"
    return parse(path.read_text("utf-8"), str(path))


def contributor() -> Contributor:
    """By the release's priorities, whatever rules are in force: a fact stays where it was once counted."""
    return Contributor(platform_rules().priority)


class Products:
    """SKU → department, loaded when it is first asked for. None are known where there is no product file."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def departments(self) -> Departments:
        try:
            products = load_products(self._settings)
        except (NotReady, BadInput):
            return {}
        return {sku: product.department for sku, product in products.by_sku.items()}


def output(fact: ProfileFact) -> Output:
    return Output(
        "event.profile_fact",
        key(fact.tenant, fact.nid, fact.fact_id),
        profile_key(fact.tenant, fact.nid),
        fact,
        headers(ProfileFact, fact.fact_id, "/oneid/profiles", fact.at),
    )
