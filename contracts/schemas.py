"""JSON Schemas of every record, and the rule of which changes readers survive. Pure.

The published schemas stand in docs/schemas/. A release may add an optional field to a record; anything else needs a new
version (`V`), because topics keep what older releases wrote.
"""

from typing import Any

import msgspec

from contracts.behaviour import Behaviour
from contracts.dead_letters import DeadLetter
from contracts.edges import Edge, EdgeArrival
from contracts.evidence import Evidence, IdentityFact, Ruling
from contracts.late import Late, LatePassed
from contracts.masters import MASTERS, MasterMark
from contracts.member_map import MemberChange, MemberOf
from contracts.members import Profile, ProfileFact
from contracts.orders import Order, OrderFact, OrderMarks
from contracts.pos import PosReceipt
from contracts.receipts import Receipt, ReceiptMarks
from contracts.stock import StockLevel, StockMovement
from contracts.tags import Tag, TagChange, TagInput, TagMemory
from contracts.ticks import Tick
from contracts.topics import BY_NAME
from contracts.visibility import VisibilityEvent, VisibilityMark
from contracts.wire import Record

RECORDS: tuple[type[Record], ...] = (DeadLetter, Receipt, ReceiptMarks, EdgeArrival, Edge, StockMovement, StockLevel)
RECORDS += (OrderFact, OrderMarks, Order, Behaviour, Late, LatePassed, Tick)
RECORDS += (VisibilityEvent, VisibilityMark, MasterMark, *MASTERS.values())
RECORDS += (Evidence, Ruling, IdentityFact, MemberOf, MemberChange)
RECORDS += (ProfileFact, Profile)
RECORDS += (TagInput, Tag, TagChange, TagMemory)
Schema = dict[str, Any]
_BY_NAME = {record.__name__: record for record in RECORDS}


def record_of(topic: str) -> type[Record]:
    """The record that a topic of ours holds. Raises `KeyError` for raw topics, which hold what others wrote."""
    return _BY_NAME[BY_NAME[topic].record]


def schemas() -> dict[str, Schema]:
    """File name → JSON Schema (2020-12), for the records on topics and for the feed formats."""
    named = {f"{record.TYPE}.v{record.V}.json": record for record in RECORDS}
    found = {name: msgspec.json.schema(record) for name, record in named.items()}
    return found | {"feed.receipts-jsonl.json": msgspec.json.schema(PosReceipt)}


def broken(published: Schema, now: Schema, at: str = "") -> list[str]:
    """What a reader or writer of the published schema would trip over under the present one. Empty: compatible."""
    old, new = _resolved(published, published), _resolved(now, now)
    return _broken(old, new, published, now, at)


def _broken(old: Schema, new: Schema, old_root: Schema, new_root: Schema, at: str) -> list[str]:
    old, new = _resolved(old, old_root), _resolved(new, new_root)
    found = [f"{at or 'record'}: {word} changed" for word in _CONSTRAINTS if old.get(word) != new.get(word)]
    old_fields, new_fields = old.get("properties", {}), new.get("properties", {})
    found += [f"{at}.{name}: removed" for name in old_fields if name not in new_fields]
    added = set(new.get("required", ())) - set(old.get("required", ()))
    found += [f"{at}.{name}: now required" for name in sorted(added)]
    for name in old_fields.keys() & new_fields.keys():
        found += _broken(old_fields[name], new_fields[name], old_root, new_root, f"{at}.{name}")
    for word in ("items", "additionalProperties"):
        if isinstance(old.get(word), dict) and isinstance(new.get(word), dict):
            found += _broken(old[word], new[word], old_root, new_root, f"{at}.{word}")
    return found


_CONSTRAINTS = (
    "type",
    "enum",
    "const",
    "format",
    "pattern",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "maxItems",
)


def _resolved(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    return schema
