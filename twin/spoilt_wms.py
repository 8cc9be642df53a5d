"""Warehouse events that must be refused, by the code with which they must be."""

from typing import Any

from twin.spoiling import Spoiler, changed, cut_off, gbk, put, renamed, without

# Right in every digit, and of no product.
NOBODYS_CLASS = "urn:epc:idpat:sgtin:2999999.099999.*"
BAD_LINK = "https://id.gs1.org/01/02000009194891"


def _first(whole: dict[str, Any]) -> dict[str, Any] | None:
    listed = whole.get("quantityList") or whole.get("childQuantityList") or [None]
    first: dict[str, Any] | None = listed[0]
    return first


def _goods(**change: Any) -> Spoiler:
    """The event with its first goods changed. Only events that move stock: others need not know their goods."""

    def do(whole: dict[str, Any], _rank: int) -> bool:
        goods = _first(whole)
        if goods is None or whole["bizStep"] not in ("receiving", "shipping"):
            return False
        goods |= change
        return True

    return changed(do)


def _no_place_of_ours(whole: dict[str, Any], _rank: int) -> bool:
    """A place with our company prefix that the location file does not know."""
    whole["bizLocation"] = whole["readPoint"] = {"id": "urn:epc:id:sgln:9520001.99999.0"}
    return bool(whole["bizStep"] == "receiving" and "destinationList" not in whole)


def _no_goods(whole: dict[str, Any], _rank: int) -> bool:
    return whole.pop("quantityList", None) is not None


def _lots_of_what_is_only_seen(whole: dict[str, Any], _rank: int) -> bool:
    whole["ilmd"] = {"cbvmda:lotNumber": "L1"}
    return bool(whole["action"] == "OBSERVE" and whole["type"] == "ObjectEvent")


EPCIS: dict[str, Spoiler] = {
    "not_json": cut_off,
    "not_utf8": gbk,
    "epcis_missing": without("eventTime"),
    "epcis_vocabulary": put("packaging_up", "bizStep"),
    "epcis_field": renamed("stage", "bizStep"),
    "epcis_type": _goods(quantity="12"),
    "epcis_check_digit": _goods(epcClass=BAD_LINK),
    "epcis_ilmd": changed(_lots_of_what_is_only_seen),
    "epcis_lists": changed(_no_goods),
    "epcis_identifier": _goods(epcClass="urn:epc:class:lgtin:2000008.35243.L1"),
    "epcis_time": put("2026-11-22T10:30:00", "eventTime"),
    "unknown_location": changed(_no_place_of_ours),
    "unknown_gtin": _goods(epcClass=NOBODYS_CLASS),
    "unknown_unit": _goods(uom="XPX"),
    "part_of_unit": _goods(quantity=1.5),
}
