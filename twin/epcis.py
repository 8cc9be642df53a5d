"""The warehouse's events as GS1 EPCIS 2.0 JSON-LD, with CBV 2.0 words.

Goods are named by their GTIN (the EAN-13 of the product), most as EPC class URNs, some as GS1 Digital Links; places by their
GLN. The company prefixes begin with 952, which GS1 keeps for examples.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import msgspec
import polars as pl

from twin.demand import CENTRE_BASE
from twin.shopify import NAMESPACE
from twin.warehouse import Recorded

CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
COUNT_WORDS = {"zt": "https://zhongtai.dev/epcis/"}
CHAIN_PREFIX, SUPPLIER_PREFIX = 9_520_000, 9_529_000
NOTICED = timedelta(hours=2)
DOCUMENT_TYPES = {"transfer_out": "desadv", "transfer_in": "desadv", "receipt": "po", "web_back": "rma"}
Row = dict[str, Any]


class Event(msgspec.Struct, frozen=True):
    """One event of the feed. `number` is that of the recorded event; `role` tells a mistake from its correction."""

    uid: int
    at: datetime
    number: int
    kind: str
    role: str
    body: bytes


def gln_parts(loc: int, copy: int) -> tuple[str, str]:
    """GS1 company prefix and location reference of a place of ours."""
    return str(CHAIN_PREFIX + copy), f"{loc:05}"


def check_digit(digits: str) -> str:
    """The GS1 check digit of a number without it: from the right, weights 3 and 1."""
    total = sum(int(d) * (3 if n % 2 == 0 else 1) for n, d in enumerate(reversed(digits)))
    return str(-total % 10)


def gln(loc: int, copy: int) -> str:
    body = "".join(gln_parts(loc, copy))
    return body + check_digit(body)


def sgln(loc: int, copy: int) -> str:
    prefix, reference = gln_parts(loc, copy)
    return f"urn:epc:id:sgln:{prefix}.{reference}.0"


def supplier_sgln(supplier: int) -> str:
    return f"urn:epc:id:sgln:{SUPPLIER_PREFIX}.{supplier:05}.0"


def events(made: Recorded, products: pl.DataFrame) -> Iterator[Event]:
    """All events, mistakes and their corrections among them, in the order in which they were recorded."""
    lists = dict(_goods_text(made.goods, products).iter_rows())
    uid = 0
    for event in made.events.rows(named=True):
        goods = lists[event["number"]]
        number, kind, at = event["number"], event["kind"], event["at"]
        recorded = at + timedelta(minutes=1 + number % 5)
        if not event["wrong"]:
            uid += 1
            yield Event(uid, recorded, number, kind, "plain", _event(event, goods, f"{number}"))
            continue
        first, mended = (str(event_id(f"{number}/{role}")) for role in ("wrong", "right"))
        mistaken = _one_more(goods)
        noticed = recorded + NOTICED
        declared = {
            "declarationTime": _moment(noticed), "reason": "incorrect_data", "correctiveEventIDs": [f"urn:uuid:{mended}"],
        }  # fmt: skip
        for role, when, words, text, declaration in (
            ("mistake", recorded, first, mistaken, None),
            ("declaration", noticed, first, mistaken, declared),
            ("correction", noticed, mended, goods, None),
        ):
            uid += 1
            yield Event(uid, when, number, kind, role, _event(event, text, words, declaration))


def event_id(words: str) -> UUID:
    return uuid5(NAMESPACE, f"epcis/{words}")


def document(bodies: list[bytes], created: datetime) -> bytes:
    """An EPCIS document of several events."""
    listed = b",".join(body.replace(f'"@context":["{CONTEXT}"],'.encode(), b"", 1) for body in bodies)
    about = {"@context": [CONTEXT], "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": _moment(created)}
    head = msgspec.json.encode(about)
    return head[:-1] + b',"epcisBody":{"eventList":[' + listed + b"]}}"


def _event(event: Row, goods: str, words: str, declared: Row | None = None) -> bytes:
    number = words if len(words) == 36 else str(event_id(words))
    here = sgln(event["loc"], event["copy"])
    pallet = event["carrier"]
    ours = event["kind"] in ("receipt", "transfer_in", "opening", "web_back", "damaged", "destroyed", "count")
    body: Row = {
        "@context": [CONTEXT, COUNT_WORDS] if event["kind"] == "count" else [CONTEXT],
        "type": "AggregationEvent" if pallet else "ObjectEvent",
        "eventID": f"urn:uuid:{number}",
        "eventTime": _moment(event["at"]),
        "eventTimeZoneOffset": "+08:00",
        "action": event["action"],
        "bizStep": event["step"],
        "disposition": event["disposition"],
        "readPoint": {"id": here},
    }
    if ours:
        body["bizLocation"] = {"id": here}
    if pallet:
        body["parentID"] = f"urn:epc:id:sscc:{CHAIN_PREFIX + event['copy']}.0{event['doc']:09}"
    body |= _documents(event) | _ends(event, here) | _counted(event)
    if declared:
        body["errorDeclaration"] = declared
    name = "childQuantityList" if pallet else "quantityList"
    return msgspec.json.encode(body)[:-1] + f',"{name}":[{goods}]}}'.encode()


def _documents(event: Row) -> Row:
    kind, doc = event["kind"], event["doc"]
    if doc is None or kind == "count":
        return {}
    code = {"receipt": f"PO-{doc}", "transfer_out": f"TR-{doc}", "transfer_in": f"TR-{doc}"}.get(kind, str(doc))
    owner = gln(CENTRE_BASE + 1, event["copy"])
    return {"bizTransactionList": [
        {"type": DOCUMENT_TYPES.get(kind, "inv"), "bizTransaction": f"urn:epcglobal:cbv:bt:{owner}:{code}"}
    ]}  # fmt: skip


def _ends(event: Row, here: str) -> Row:
    """Where goods come from and go to, for what travels between places."""
    kind, other = event["kind"], event["other"]
    if kind == "transfer_out":
        source, destination = here, sgln(other, event["copy"])
    elif kind == "transfer_in":
        source, destination = sgln(other, event["copy"]), here
    elif kind == "receipt":
        source, destination = supplier_sgln(other), here
    else:
        return {}
    return {
        "sourceList": [{"type": "location", "source": source}],
        "destinationList": [{"type": "location", "destination": destination}],
    }


def _counted(event: Row) -> Row:
    if event["kind"] != "count":
        return {}
    return {
        "zt:countStart": _moment(event["started"]),
        "zt:countEnd": _moment(event["at"]),
        "zt:countSheet": f"ST-{event['doc']}",
    }


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}+08:00"


def _goods_text(goods: pl.DataFrame, products: pl.DataFrame) -> pl.DataFrame:
    """(number, text): the elements of each event's quantity list."""
    code = pl.col("barcode")
    # EAN-13 → company prefix of seven digits, indicator 0 and the five digits of the item; the check digit is left out.
    prefix, item = code.str.slice(0, 7), code.str.slice(7, 5)
    urn = pl.when(pl.col("lot").is_not_null()).then(
        pl.format("urn:epc:class:lgtin:{}.0{}.{}", prefix, item, pl.col("lot"))
    ).otherwise(pl.format("urn:epc:idpat:sgtin:{}.0{}.*", prefix, item))  # fmt: skip
    link = pl.format(
        "https://id.gs1.org/01/0{}/10/{}?17={}", code, pl.col("lot"), pl.col("expires").dt.strftime("%y%m%d")
    )
    in_cases = pl.col("cases") > 0
    told = pl.when(in_cases).then(pl.format('{},"uom":"XCS"', pl.col("quantity") // pl.col("cases"))).otherwise(
        pl.col("quantity").cast(pl.String)
    )  # fmt: skip
    return (
        goods.join(products.select("product_id", "barcode"), on="product_id", how="left", maintain_order="left")
        .with_columns(name=pl.when("digital").then(link).otherwise(urn))
        .select(
            "number", text=pl.concat_str(pl.lit('{"epcClass":"'), "name", pl.lit('","quantity":'), told, pl.lit("}"))
        )
        .group_by("number", maintain_order=True)
        .agg(pl.col("text").str.join(",", ignore_nulls=False))
    )


def _one_more(goods: str) -> str:
    """The list with one too many of its first goods."""
    head, _, rest = goods.partition('"quantity":')
    digits = len(rest) - len(rest.lstrip("0123456789"))
    return f'{head}"quantity":{int(rest[:digits]) + 1}{rest[digits:]}'
