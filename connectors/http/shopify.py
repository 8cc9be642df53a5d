"""`POST /shopify`: webhooks as Shopify sends them. The signature is checked over the bytes as they came."""

from collections.abc import Callable, Mapping

from connectors.ecommerce.shopify import FORMAT, TOPICS, decode, partitioning_key
from connectors.http.credentials import Credentials
from connectors.http.routes import Problem, RawRecord, Request, Route, Taken, refused, told
from contracts.orders import fact_id, order_id
from contracts.refusals import Refused

FEED = "ecommerce"
_TOPIC, _SHOP, _SIGNATURE = "x-shopify-topic", "x-shopify-shop-domain", "x-shopify-hmac-sha256"
# Bytes that are no message at all are answered 400; what a shop meant and got wrong would only be sent again and again.
_NO_MESSAGE = ("not_json", "not_utf8", "too_deep", "unknown_topic")


def allowed(credentials: Credentials, headers: Mapping[str, str], body: bytes) -> str | Problem:
    missing = [name for name in (_SHOP, _SIGNATURE) if not headers.get(name)]
    if missing:
        return Problem(
            401, "missing", "A header is missing.", "Shopify sends it; do not call this address by hand.", missing[0]
        )
    if not credentials.signs(headers[_SHOP], body, headers[_SIGNATURE]):
        return Problem(
            401,
            "bad_signature",
            "The signature is not the one that this shop's secret gives for these bytes.",
            "Keep the app's client secret: zhongtai credentials set shopify SHOP. A proxy must not change the body.",
            _SIGNATURE,
        )
    return headers[_SHOP].lower()


def route(tenant: str, dead_id: Callable[[bytes], str]) -> Route:
    """`dead_id` names what cannot be read, telling nothing of it."""

    def take(request: Request) -> Taken:
        about = {"zt_topic": request.headers.get(_TOPIC) or "none", "zt_shop": request.sender}
        found = decode(request.body, about)
        known = dead_id(request.body)
        if not isinstance(found, Refused):
            order = order_id(tenant, found.shop, found.order)
            known = fact_id(tenant, order, found.kind, found.version, found.digest)
        about |= {
            "zt_received_at": request.received_at,
            "zt_webhook_id": request.headers.get("x-shopify-webhook-id", ""),
        }
        by = partitioning_key(tenant, request.body, found)
        record = RawRecord(f"raw.{FEED}", by, request.body, cloud_headers(FEED, FORMAT, known, about))
        if isinstance(found, Refused) and found.code in _NO_MESSAGE:
            return Taken([record], 400, {}, _problem(found))
        said = {"refused": told(found)} if isinstance(found, Refused) else {}
        return Taken([record], 202, {"success": True} | said)

    return Route("/shopify", allowed, take)


def _problem(found: Refused) -> Problem:
    if found.code != "unknown_topic":
        return refused(found)
    return refused(found)._replace(place=_TOPIC, do=f"Subscribe to {', '.join(sorted(TOPICS))}.")


def cloud_headers(feed: str, format: str, id: str, more: Mapping[str, str]) -> list[tuple[str, bytes]]:
    """The headers of a raw record that came by HTTP: CloudEvents attributes, the format, and what else is known."""
    named = {
        "ce_specversion": "1.0",
        "ce_id": id,
        "ce_source": f"/feeds/{feed}",
        "ce_type": f"raw.{feed}",
        "zt_format": format,
    }
    return [(name, value.encode()) for name, value in (named | dict(more)).items() if value]
