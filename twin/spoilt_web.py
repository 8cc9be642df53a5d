"""Web messages that must be refused, by the code with which they must be."""

from typing import Any

from twin.poison import NOBODYS_SKU
from twin.spoiling import Spoiler, changed, cut_off, gbk, put, renamed, twice, without


def _nobodys(whole: dict[str, Any], _rank: int) -> bool:
    items = whole["body"].get("line_items") or [{}]
    if "price" not in items[0]:
        return False
    items[0] |= {"sku": NOBODYS_SKU, "variant_id": None}
    return True


def _single(spoiler: Spoiler) -> Spoiler:
    """Only of calls that are sent alone: a batch is refused call by call."""
    return lambda body, rank: None if body.startswith(b'{"batch"') else spoiler(body, rank)


def _track(whole: dict[str, Any], _rank: int) -> bool:
    return whole["type"] == "track" and "products" in whole["properties"]


def _unknown_currency(whole: dict[str, Any], rank: int) -> bool:
    bought = _track(whole, rank) and "currency" in whole["properties"]
    if bought:
        whole["properties"]["currency"] = "RMB"
    return bought


def _less_than_none(whole: dict[str, Any], rank: int) -> bool:
    bought = _track(whole, rank)
    if bought:
        whole["properties"]["products"][0]["quantity"] = -1
    return bought


def _nobody(whole: dict[str, Any], _rank: int) -> None:
    whole.pop("userId", None)
    whole.pop("anonymousId", None)


SHOPIFY: dict[str, Spoiler] = {
    "not_json": cut_off,
    "not_utf8": gbk,
    "unknown_topic": put("orders/edited", "topic"),
    # A release of the sender that renamed a field.
    "unknown_field": renamed("webhookId", "webhook_id"),
    "missing": without("body", "line_items", 0, "price"),
    "wrong_type": put("many", "body", "line_items", 0, "quantity"),
    "bad_amount": put("12.345", "body", "line_items", 0, "price"),
    "unknown_currency": put("RMB", "body", "currency"),
    "bad_time": put("2026-11-22 10:30", "body", "updated_at"),
    "unknown_sku": changed(_nobodys),
    "written_twice": twice("topic"),
}
SEGMENT: dict[str, Spoiler] = {
    "not_json": _single(cut_off),
    "not_utf8": _single(gbk),
    "missing": _single(without("event")),
    "wrong_type": _single(put("list", "properties")),
    "bad_time": _single(put("yesterday", "timestamp")),
    "no_identity": _single(changed(_nobody)),
    "bad_value": _single(changed(_less_than_none)),
    "unknown_currency": _single(changed(_unknown_currency)),
    "written_twice": _single(twice("messageId")),
}
