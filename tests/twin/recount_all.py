"""A second opinion on the truth of all four feeds: plain Python that knows the feeds, the answers and the reference files."""

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from tests.twin.recount import SIGN, Rows, accepted, key, poison_places, read_csv, units_and_barcodes

Json = dict[str, Any]
UOMS = {"XCS": "case"}


def answers(world: Path, form: str) -> dict[tuple[str, int], str]:
    return {(file, int(line)): code for file, line, code in read_csv(world / "answers" / f"{form}.csv")[1:]}


def good_lines(world: Path, folder: str, form: str) -> Iterator[Json]:
    """Every line that must be taken, in the order in which it was sent, repeats included."""
    refused = answers(world, form)
    for path in sorted((world / "feeds" / folder).iterdir()):
        if path.suffix in (".jsonl", ".ndjson"):
            for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], 1):
                if (path.name, number) not in refused:
                    yield json.loads(line)


@cache
def reference(world: Path) -> dict[str, Json]:
    with (world / "reference" / "products-1.jsonl").open(encoding="utf-8") as file:
        return {product["sku"]: product for product in map(json.loads, file)}


def cents(money: str) -> int:
    return int(Decimal(money) * 100)


@cache
def web_orders(world: Path) -> dict[int, Json]:
    """Order id → number, state, payment, fulfilment, lines, total, refunded, and who was shown how often."""
    told: dict[int, dict[str, Any]] = defaultdict(lambda: {"snapshots": {}, "sent": {}, "refunds": {}})
    for line in good_lines(world, "ecommerce/shopify", "shopify"):
        body, topic = line["body"], line["topic"]
        if topic.startswith("orders/"):
            told[body["id"]]["snapshots"][body["updated_at"], topic] = body
        elif topic.startswith("fulfillments/"):
            before = told[body["order_id"]]["sent"].get(body["id"])
            if before is None or before["updated_at"] <= body["updated_at"]:
                told[body["order_id"]]["sent"][body["id"]] = body
        else:
            told[body["order_id"]]["refunds"][body["id"]] = body
    return {order: _web_order(world, facts) for order, facts in told.items()}


def _web_order(world: Path, facts: dict[str, Any]) -> Json:
    last = facts["snapshots"][max(facts["snapshots"])]
    sent: Counter[int] = Counter()
    for parcel in facts["sent"].values():
        if parcel["status"] == "success":
            sent.update({line["id"]: line["quantity"] for line in parcel["line_items"]})
    refunded = sum(cents(t["amount"]) for refund in facts["refunds"].values() for t in refund["transactions"])
    owed = sum(
        cents(i["price"]) * i["quantity"] - sum(cents(d["amount"]) for d in i["discount_allocations"])
        for i in last["line_items"]
    )
    assert cents(last["total_price"]) == owed + sum(cents(s["price"]) for s in last["shipping_lines"])
    done = all(sent[i["id"]] >= i["quantity"] for i in last["line_items"])
    fulfilment = "none" if not sent else "fulfilled" if done else "partial"
    payment = last["financial_status"]
    paid = payment in ("paid", "partially_refunded")
    state = "cancelled" if last["cancelled_at"] else "refunded" if payment == "refunded" else "open"
    bundles = [reference(world)[i["sku"]].get("bundle", [None]) if i["sku"] else [None] for i in last["line_items"]]
    shown = [
        [
            ("email", body["email"]),
            ("phone", body["phone"]),
            ("shop_customer", f"zhongtai-demo.myshopify.com/{body['customer']['id']}"),
        ]
        for body in facts["snapshots"].values()
    ]
    return {
        "number": last["name"],
        "state": "completed" if state == "open" and done and paid else state,
        "payment": payment,
        "fulfilment": fulfilment,
        "lines": sum(map(len, bundles)),
        "total": cents(last["total_price"]),
        "refunded": refunded,
        "shown": [one for each in shown for one in each if one[1]],
    }


def till_orders(world: Path) -> list[tuple[str, int, int]]:
    """(state, total, refunded) of each order that was made at a till, or of which only the undoing is known."""
    found: dict[tuple[Any, ...], dict[str, Any]] = defaultdict(lambda: {"total": None, "back": 0, "void": False})
    for receipt in accepted(world):
        amount = sum(line["amount_cents"] for line in receipt["lines"])
        if receipt["kind"] == "sale" and "web_order" not in receipt:
            found[key(receipt)]["total"] = amount
        elif receipt["kind"] != "sale":
            undone = receipt["original"]
            order = found[undone["store"], undone["till"], undone["business_date"], undone["number"]]
            order["back"] += amount
            order["void"] |= receipt["kind"] == "void"
    return [(_till_state(o), o["total"] or 0, o["back"]) for o in found.values()]


def _till_state(order: dict[str, Any]) -> str:
    if order["void"]:
        return "cancelled"
    if order["total"] is None:
        return "unknown"
    return "refunded" if 0 < order["back"] >= order["total"] else "completed"


@cache
def calls(world: Path) -> list[Json]:
    """Every call once."""
    lines = good_lines(world, "ecommerce/segment", "segment")
    every = (call for line in lines for call in line.get("batch", [line]))
    return list({call["messageId"]: call for call in every}.values())


def shown(world: Path) -> Counter[tuple[str, str]]:
    """(type, value) → how often, over all feeds."""
    found: Counter[tuple[str, str]] = Counter()
    for receipt in accepted(world):
        found.update((i["type"], _plain(i["type"], i["value"])) for i in receipt.get("identifiers", []))
    for order in web_orders(world).values():
        found.update((kind, _plain(kind, value)) for kind, value in order["shown"])
    words = {
        "member_card": "card",
        "openid": "wechat_openid",
        "unionid": "wechat_unionid",
        "email": "email",
        "phone": "phone",
    }
    for call in calls(world):
        seen = [("cookie", call.get("anonymousId")), ("login", call.get("userId"))]
        seen += [("device", call["context"].get("device", {}).get("id"))]
        seen += [(words[name], value) for name, value in call.get("traits", {}).items() if name in words]
        found.update({(kind, _plain(kind, value)) for kind, value in seen if value})
    return found


def _plain(kind: str, value: str) -> str:
    return "".join(c for c in value if c.isdigit())[-11:] if kind == "phone" else value


@cache
def warehouse_events(world: Path) -> dict[str, Json]:
    """Event id → event. One that was declared to be wrong is `wrong` and its id, with the order of the two in `booked`."""
    found: dict[str, Json] = {}
    wrong: dict[str, bool] = {}
    documents = [json.loads(path.read_bytes()) for path in sorted((world / "feeds" / "wms").glob("*.jsonld"))]
    noted = (event for document in documents for event in document["epcisBody"]["eventList"])
    for event in (*good_lines(world, "wms", "epcis"), *noted):
        if "errorDeclaration" in event:
            wrong.setdefault(event["eventID"], event["eventID"] in found)
        found.setdefault(event["eventID"], event)
    right = {id: event for id, event in found.items() if id not in wrong}
    return right | {f"wrong {id}": found[id] | {"booked": booked} for id, booked in wrong.items()}


def place_of(world: Path, uri: str) -> str:
    digits = "".join(uri.removeprefix("urn:epc:id:sgln:").split(".")[:2])
    return _locations(world)[digits]


@cache
def _locations(world: Path) -> dict[str, str]:
    lines = (world / "reference" / "locations-1.jsonl").read_text().splitlines()
    return {gln[:12]: place["location"] for place in map(json.loads, lines) for gln in place["glns"]}


def goods(world: Path, event: Json) -> Iterator[tuple[str, int]]:
    """(SKU, base units) of each element of an event."""
    _units, by_barcode = units_and_barcodes(world)
    barcodes = _by_twelve(world)
    for element in event.get("quantityList") or event["childQuantityList"]:
        name = element["epcClass"]
        if name.startswith("https://"):
            sku = by_barcode[name.split("/")[4][1:]]
        else:
            prefix, item = name.rsplit(":", 1)[1].split(".")[:2]
            sku = barcodes[prefix + item[1:]]
        factor = _units[sku][UOMS[element["uom"]]] if "uom" in element else 1
        quantity = Fraction(str(element["quantity"])) * factor
        assert quantity.denominator == 1
        yield sku, int(quantity)


@cache
def _by_twelve(world: Path) -> dict[str, str]:
    return {barcode[:12]: sku for barcode, sku in units_and_barcodes(world)[1].items()}


def moves(world: Path) -> Iterator[tuple[str, str, str, int, str]]:
    """(location, document, SKU, base units signed, moment) of every entry on hand: what was booked by mistake twice."""
    leaves = {"shipping", "destroying"}
    for id, event in warehouse_events(world).items():
        if event["bizStep"] in ("picking", "cycle_counting", "inspecting"):
            continue
        here = place_of(world, event["readPoint"]["id"])
        document = event.get("bizTransactionList", [{"type": "visibility"}])[0]["type"]
        for sku, quantity in goods(world, event):
            signed = -quantity if event["bizStep"] in leaves else quantity
            both = [signed, -signed] if event.get("booked") else [] if id.startswith("wrong ") else [signed]
            yield from ((here, document, sku, one, event["eventTime"]) for one in both)


def counts(world: Path) -> dict[tuple[str, str], tuple[str, int]]:
    """(SKU, location) → when it was counted, and what was there."""
    found = {}
    for event in warehouse_events(world).values():
        if event["bizStep"] == "cycle_counting":
            for sku, quantity in goods(world, event):
                found[sku, place_of(world, event["readPoint"]["id"])] = event["zt:countEnd"], quantity
    return found


def stock_levels(world: Path) -> dict[tuple[str, str], list[int]]:
    """(SKU, location) → on hand and entries: the last count, and all that moved after it."""
    units, by_barcode = units_and_barcodes(world)
    counted = counts(world)
    levels: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for place, (_at, quantity) in counted.items():
        levels[place] = [quantity, 1]
    entries = [((sku, location), quantity, at) for location, _, sku, quantity, at in moves(world)]
    for receipt in accepted(world):
        for line in receipt["lines"]:
            sku = line["sku"] if "sku" in line else by_barcode[line["barcode"]]
            quantity = -SIGN[receipt["kind"]] * int(Fraction(line["quantity"]) * units[sku][line["unit"]])
            entries.append(((sku, receipt["store"]), quantity, receipt["at"]))
    for place, quantity, at in entries:
        levels[place][1] += 1
        if place not in counted or at > counted[place][0]:
            levels[place][0] += quantity
    return levels


@cache
def erp_tables(world: Path) -> dict[str, dict[tuple[str, ...], Json]]:
    """What the database held at last, by table and key, replayed in the order of the log."""
    keys = {"purchase_order": ("po",), "purchase_order_line": ("po", "line")}
    lines = {line["source"]["lsn"]: line for line in good_lines(world, "erp/debezium", "debezium")}
    found: dict[str, dict[tuple[str, ...], Json]] = defaultdict(dict)
    for _lsn, line in sorted(lines.items()):
        table, row = line["source"]["table"], line["after"] or line["before"]
        row_key = tuple(str(row[name]) for name in keys.get(table, (table,)))
        if line["op"] == "d":
            del found[table][row_key]
        else:
            found[table][row_key] = row
    return found


def drop(world: Path, number: int) -> dict[str, list[Json]]:
    """The tables of a CSV drop, each checked against its manifest."""
    folder = world / "feeds" / "erp" / "csv" / f"drop-{number:03}"
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert manifest["drop"] == number
    found = {}
    for sheet in manifest["tables"]:
        text = (folder / sheet["file"]).read_bytes().decode(sheet["encoding"]).removeprefix("\ufeff")
        rows = list(csv.DictReader(text.splitlines(), delimiter=sheet["delimiter"]))
        assert len(rows) == sheet["rows"]
        found[sheet["table"]] = rows
    return found


def rows_of(table: dict[Any, Any]) -> Rows:
    return [[*map(str, key), *map(str, values)] for key, values in sorted(table.items())]


def dead_letters(world: Path) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter(("pos", code) for code in poison_places(world).values())
    feeds = {"shopify": "ecommerce", "segment": "ecommerce", "epcis": "wms", "debezium": "erp", "csv": "erp"}
    for form, feed in feeds.items():
        found.update((feed, code) for code in answers(world, form).values())
    return found
