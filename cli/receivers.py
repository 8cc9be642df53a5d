"""The receivers of `zhongtai receive`, named and not discovered."""

from collections.abc import Callable
from typing import NamedTuple

from connectors.feed_cipher import FeedCipher
from connectors.http import capture, segment, shopify
from connectors.http.routes import RawRecord, Route
from connectors.ingest import Place, too_large
from connectors.keystore import Keystore
from connectors.settings import Settings
from contracts.keys import key
from contracts.wire import encode


class Receiver(NamedTuple):
    """A route, and the topics to which it writes."""

    route: Route
    topics: tuple[str, ...]


def routes(settings: Settings, keystore: Keystore) -> list[Receiver]:
    """Every receiver. A feed adds its own here."""
    web = FeedCipher(keystore, settings.tenant, "ecommerce")
    found = [shopify.route(settings.tenant, web.id), *segment.routes(settings.tenant, web.id)]
    warehouse = capture.routes(settings.tenant, FeedCipher(keystore, settings.tenant, "wms").id)
    return [
        *(Receiver(route, ("raw.ecommerce",)) for route in found),
        *(Receiver(route, ("raw.wms",)) for route in warehouse),
    ]


def burial(settings: Settings, keystore: Keystore) -> Callable[[RawRecord, str], RawRecord]:
    """What makes a dead letter of a record that is too large for Kafka, since no job will ever see it."""

    def bury(record: RawRecord, now: str) -> RawRecord:
        feed = record.topic.removeprefix("raw.")
        format = dict(record.headers).get("zt_format", b"").decode()
        cipher = FeedCipher(keystore, settings.tenant, feed)
        letter = too_large(settings.tenant, feed, format, cipher, record.value, Place("", 0), now)
        return RawRecord(f"dlq.{feed}", key(letter.tenant, letter.id), encode(letter), [])

    return bury
