"""What visitors do, as calls of the Segment HTTP tracking API: page, screen, track, identify, alias, and batches of them.

Names of events and properties are those of Segment's e-commerce specification. A browser sends each call by itself; an app
sends a visit's calls as one batch when it is closed.
"""

from collections import defaultdict
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid5

import msgspec
import polars as pl

from twin.dice import Dice
from twin.shopify import NAMESPACE, money
from twin.web import Web

Row = dict[str, Any]
MOST_VIEWED, MOST_ADDED = 4, 5
PAGES = ("首页", "今日特惠", "生鲜", "门店自提")
UTC = timezone(timedelta(0))
SHOP_UTC = timedelta(hours=8)


class Call(msgspec.Struct, frozen=True):
    """A call, when it was made by the true clock, and the identifiers that it shows (of `previous`, for an alias)."""

    at: datetime
    body: Row
    shown: tuple[tuple[str, str], ...]
    previous: tuple[tuple[str, str], ...] = ()


class Sent(msgspec.Struct, frozen=True):
    """One line of the feed: a call, or a batch."""

    uid: int
    at: datetime
    person: int | None
    calls: tuple[Call, ...]
    batch: bool

    def line(self) -> bytes:
        if not self.batch:
            return msgspec.json.encode(self.calls[0].body)
        return msgspec.json.encode({"batch": [c.body for c in self.calls], "sentAt": self.calls[-1].body["timestamp"]})


def sent(visits: pl.DataFrame, made: Web, people: pl.DataFrame, products: pl.DataFrame, dice: Dice) -> list[Sent]:
    """All lines of all visits, in the order of the visits."""
    names = {
        p: (sku, name, dept) for p, sku, name, dept in products.select("product_id", "sku", "name", "department").rows()
    }
    names |= {p: (f"B{p}", "组合装", "BUNDLE") for p in made.bundles["product_id"].unique()}
    items: dict[int, list[Row]] = defaultdict(list)
    for item in made.items.rows(named=True):
        items[item["uid"]].append(item)
    orders = {o["uid"]: o for o in made.orders.rows(named=True)}
    who = {p["person"]: p for p in people.filter("online").rows(named=True)}
    shelf = sorted(made.contents["product_id"].unique())
    drawn = visits.select(
        views=1 + dice.below(MOST_VIEWED, "views", "uid"), start=dice.below(len(shelf), "first seen", "uid"),
        step=1 + dice.below(97, "next seen", "uid"),
    ).rows()  # fmt: skip
    found: list[Sent] = []
    for visit, (views, start, step) in zip(visits.rows(named=True), drawn, strict=True):
        seen = [shelf[(start + n * step) % len(shelf)] for n in range(views)]
        order = orders.get(visit["order"])
        told = _Visit(visit, who.get(visit["person"]), order, items[visit["order"]] if order else [], names)
        calls = tuple(told.calls(seen))
        if visit["app"]:
            found.append(Sent(len(found) + 1, calls[-1].at, visit["person"], calls, batch=True))
        else:
            found += [Sent(len(found) + n, c.at, visit["person"], (c,), batch=False) for n, c in enumerate(calls, 1)]
    return found


class _Visit:
    """One visit, told call by call, a few seconds apart."""

    def __init__(
        self, visit: Row, person: Row | None, order: Row | None, items: list[Row], names: dict[int, Any]
    ) -> None:
        self.visit, self.person, self.order, self.items, self.names = visit, person, order, items, names
        self.at: datetime = visit["at"]
        self.count = 0
        self.known = False

    def calls(self, seen: list[int]) -> list[Call]:
        found = [self._page(PAGES[0]), self._page(PAGES[self.visit["uid"] % 3 + 1])]
        found += [self._track("Product List Viewed", {"category": self.names[seen[0]][2]})]
        found += [self._track("Product Viewed", self._product(product)) for product in seen]
        if self.visit["logs_in"]:
            found += self._log_in()
        if self.order:
            found += self._buy()
        return found

    def _log_in(self) -> list[Call]:
        assert self.person
        traits: Row = {"email": self.person["email"], "name": self.person["name"]}
        if self.visit["uid"] % 3 == 0:
            traits["phone"] = self.person["phone"]
        if self.person["card"]:  # bound to the account when it was opened
            traits["member_card"] = self.person["card"]
        if self.visit["app"] and self.person["union_id"]:
            traits |= {"openid": self.person["open_id"], "unionid": self.person["union_id"]}
        # Who was asked for leave to be written to: most said yes, some no, and many have not been asked.
        said = {n: n < 12 for n in range(15)}.get(self.person["person"] % 20)
        consent: Row = (
            {} if said is None else {"consent": {"categoryPreferences": {"Marketing": said, "Analytics": True}}}
        )
        alias = [self._alias()] if self.visit["app"] and self.visit["uid"] % 4 == 0 else []
        self.known = True
        words = {"member_card": "card", "openid": "wechat_openid", "unionid": "wechat_unionid"} | {
            w: w for w in ("email", "phone")
        }
        return [
            *alias,
            self._call(
                "identify", {"traits": traits}, {words[k]: v for k, v in traits.items() if k in words}, consent=consent
            ),
        ]

    def _buy(self) -> list[Call]:
        assert self.order
        order = self.order
        lines = [self._product(i["product_id"], i["quantity"], i["cents"] // i["quantity"]) for i in self.items]
        added = [
            self._track("Product Added", {"cart_id": f"cart-{order['order_id']}", **line})
            for line in lines[:MOST_ADDED]
        ]
        cart = {"cart_id": f"cart-{order['order_id']}", "products": lines}
        total = order["cents"] + order["shipping"]
        started = {"order_id": str(order["order_id"]), "products": lines}
        steps = [self._track("Cart Viewed", cart), self._track("Checkout Started", started)]
        # The order itself is placed at its own moment.
        self.at = max(self.at, order["at"] - timedelta(seconds=5))
        paid = {"order_id": str(order["order_id"]), "total": total / 100, "currency": "CNY", "products": lines}
        return [*added, *steps, self._track("Order Completed", paid)]

    def _page(self, name: str) -> Call:
        kind = "screen" if self.visit["app"] else "page"
        return self._call(kind, {"name": name, "properties": {"title": name}})

    def _track(self, event: str, properties: Row) -> Call:
        return self._call("track", {"event": event, "properties": properties})

    def _product(self, product: int, quantity: int = 1, cents: int | None = None) -> Row:
        sku, name, category = self.names[product]
        price = {} if cents is None else {"price": float(money(cents))}
        return {"product_id": sku, "sku": sku, "name": name, "category": category, "quantity": quantity, **price}

    def _alias(self) -> Call:
        assert self.person
        login, cookie = self.person["login"], self.visit["cookie"]
        call = self._call("alias", {"previousId": cookie, "userId": login}, anonymous=False)
        return msgspec.structs.replace(call, shown=(("login", login), *call.shown), previous=(("cookie", cookie),))

    def _call(
        self,
        kind: str,
        more: Row,
        traits: dict[str, str] | None = None,
        *,
        anonymous: bool = True,
        consent: Row | None = None,
    ) -> Call:
        self.count += 1
        self.at += timedelta(seconds=3 + (self.visit["uid"] + 7 * self.count) % 23)
        stamp = (self.at - SHOP_UTC + timedelta(seconds=self.visit["skew"])).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        number = uuid5(NAMESPACE, f"call/{self.visit['kind']}/{self.visit['uid']}/{self.count}")
        shown: list[tuple[str, str]] = []
        body: Row = {"type": kind, "messageId": f"ajs-{number}"}
        if anonymous:
            body["anonymousId"] = self.visit["cookie"]
            shown.append(("cookie", self.visit["cookie"]))
        if self.known and self.person:
            body["userId"] = self.person["login"]
            shown.append(("login", self.person["login"]))
        context: Row = {"locale": "zh-CN", **(consent or {})}
        if self.visit["device"]:
            context["device"] = {"id": self.visit["device"], "type": "ios", "manufacturer": "Apple"}
            shown.append(("device", self.visit["device"]))
        shown += (traits or {}).items()
        body |= {**more, "context": context, "timestamp": stamp}
        return Call(self.at, body, tuple(shown))
