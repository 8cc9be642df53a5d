"""Which business steps of the Core Business Vocabulary move stock, and how: a table. docs/feeds/wms.md shows it.

A step that is not in the table moves nothing: it tells of goods that stay where they are, or whose move another step or
another feed tells (a sale is told by the till's receipt).
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

Way = Literal["in", "out", "ship", "unship", "receive", "count", "inspect", "transform", ""]


class Step(msgspec.Struct, frozen=True):
    """A business step: the event types and actions that count, and which way goods go."""

    step: str
    types: tuple[str, ...]
    actions: tuple[str, ...]
    way: Way
    en: str
    zh: str


_OBJECT = ("ObjectEvent",)
_LOADS = ("ObjectEvent", "AggregationEvent")
STEPS: tuple[Step, ...] = (
    Step("commissioning", _OBJECT, ("ADD",), "in", "Goods come into being: on hand +", "产生或赋码：在手增加"),
    Step("creating_class_instance", _OBJECT, ("ADD",), "in", "A batch comes into being: on hand +", "产生批次：在手增加"),
    Step("decommissioning", _OBJECT, ("DELETE",), "out", "Goods cease to be: on hand −", "注销：在手减少"),
    Step("destroying", _OBJECT, ("DELETE", "OBSERVE"), "out", "Goods are destroyed: on hand −", "销毁：在手减少"),
    Step("dispensing", _OBJECT, ("DELETE", "OBSERVE"), "out", "Goods are handed out: on hand −", "发放：在手减少"),
    Step("shipping", _LOADS, ("OBSERVE",), "ship", "On hand − here, incoming + there", "发运：此减彼在途"),
    Step("void_shipping", _LOADS, ("OBSERVE",), "unship", "A shipment is undone", "撤销发运：冲回"),
    Step("receiving", _LOADS, ("OBSERVE", "ADD"), "receive", "On hand + here; incoming − after a transfer", "收货：在手增，在途减"),
    Step("inspecting", _OBJECT, ("OBSERVE",), "inspect", "Damaged, in quality control, sound", "检验：残损、质检、良品之间"),
    Step("cycle_counting", _OBJECT, ("OBSERVE",), "count", "What stands there, absolute", "循环盘点：绝对数"),
    Step("stock_taking", _OBJECT, ("OBSERVE",), "count", "What stands there, absolute", "全面盘点：绝对数"),
)  # fmt: skip
_BY_NAME: Mapping[str, Step] = {step.step: step for step in STEPS}

# Dispositions of goods that are on hand and cannot be sold: the bucket that they stand in.
BUCKETS: Mapping[str, str] = {
    "damaged": "damaged",
    "non_conformant": "quality_control",
    "recalled": "quality_control",
    "expired": "quality_control",
    "needs_replacement": "quality_control",
    "non_sellable_other": "quality_control",
}


def way(type: str, action: str | None, step: str) -> Way:
    """Which way an event's goods go; "" when they go nowhere. A transformation uses up and makes, whatever its step."""
    if type == "TransformationEvent":
        return "transform"
    found = _BY_NAME.get(step)
    if found is None or type not in found.types or action not in found.actions:
        return ""
    return found.way
