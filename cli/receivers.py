"""The receivers of `zhongtai receive`, named and not discovered."""

from typing import NamedTuple

from connectors.feed_cipher import FeedCipher
from connectors.http import segment, shopify
from connectors.http.routes import Route
from connectors.keystore import Keystore
from connectors.settings import Settings


class Receiver(NamedTuple):
    """A route, and the topics to which it writes."""

    route: Route
    topics: tuple[str, ...]


def routes(settings: Settings, keystore: Keystore) -> list[Receiver]:
    """Every receiver. A feed adds its own here."""
    web = FeedCipher(keystore, settings.tenant, "ecommerce")
    found = [shopify.route(settings.tenant, web.id), *segment.routes(settings.tenant, web.id)]
    return [Receiver(route, ("raw.ecommerce",)) for route in found]
