"""Which jobs stand between what comes in and each state topic that the service follows.

The service may not import the jobs; tests/oneservice/test_live.py compares with them.
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from oneservice.live.chase import Road, Stage

TILLS = Stage("zhongtai.accept_receipts", ("raw.pos",))
SHOPS = Stage("zhongtai.accept_orders", ("raw.ecommerce",))
WAREHOUSES = Stage("zhongtai.accept_visibility", ("raw.wms",))
APPS = Stage("zhongtai.accept_behaviour", ("raw.ecommerce",))
TILL_ORDERS = Stage("zhongtai.derive_order_facts", ("event.receipt",))


class Followed(NamedTuple):
    """A state topic: its road, and a second name of a record to find it by."""

    topic: str
    road: Road
    also: Callable[[bytes], str | None] | None = None


def _member(value: bytes) -> str:
    """Whose identifier it is, so that a member's identifiers can be found."""
    return _OF(value).member_id


class _Named(msgspec.Struct, frozen=True, gc=False):
    member_id: str


_OF = msgspec.json.Decoder(_Named).decode

STOCK = Followed(
    "state.stock_level",
    (
        (TILLS, WAREHOUSES),
        (
            Stage("zhongtai.derive_stock_movements", ("event.receipt",)),
            Stage("zhongtai.derive_warehouse_movements", ("event.visibility",)),
        ),
        (Stage("zhongtai.keep_stock_levels", ("event.stock_movement",)),),
    ),
)
ORDERS = Followed(
    "state.order",
    (
        (TILLS, SHOPS),
        (TILL_ORDERS,),
        (Stage("zhongtai.keep_orders", ("event.order",)),),
    ),
)
MEMBER_MAP = Followed(
    "state.member_map",
    (
        (TILLS, SHOPS, APPS),
        (TILL_ORDERS,),
        (
            Stage("zhongtai.show_receipts", ("event.receipt",)),
            Stage("zhongtai.show_orders", ("event.order",)),
            Stage("zhongtai.show_behaviour", ("event.behaviour",)),
            Stage("zhongtai.show_rulings", ("event.ruling",)),
        ),
        (Stage("zhongtai.resolve_members", ("event.identity",)),),
    ),
    _member,
)
PROFILES = Followed(
    "state.profile",
    (
        (TILLS, SHOPS, APPS),
        (TILL_ORDERS,),
        (
            Stage("zhongtai.keep_orders", ("event.order",)),
            Stage("zhongtai.derive_receipt_profiles", ("event.receipt",)),
            Stage("zhongtai.derive_behaviour_profiles", ("event.behaviour",)),
            Stage("zhongtai.derive_profile_erasures", ("event.ruling",)),
        ),
        (Stage("zhongtai.keep_profiles", ("event.profile_fact",)),),
    ),
)
STORES = Followed("state.store", ((Stage("zhongtai.accept_masters", ("raw.erp",)),),))
FOLLOWED = (STOCK, ORDERS, MEMBER_MAP, PROFILES, STORES)
