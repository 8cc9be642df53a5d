"""What the ERP knows: organisations, accounts, places, suppliers, categories, products, prices and purchase orders.

Each table is a list of rows, columns as text, in the order of their keys; "" is an empty field. Products, departments, categories
and what things cost are the data's own; the rest is invented. The chart of accounts takes numbers and names from the
Chinese accounting standard.
"""

from datetime import date, datetime, timedelta

import polars as pl

from twin.baskets import data_file
from twin.demand import CENTRE_BASE, place
from twin.dice import Dice
from twin.epcis import gln
from twin.feed import World
from twin.shopify import moment, money

Table = list[dict[str, str]]
ACCOUNTS = (
    ("1001", "库存现金", "asset"), ("1002", "银行存款", "asset"), ("1012", "其他货币资金", "asset"),
    ("1122", "应收账款", "asset"), ("1123", "预付账款", "asset"), ("1221", "其他应收款", "asset"),
    ("1402", "在途物资", "asset"), ("1405", "库存商品", "asset"), ("1406", "发出商品", "asset"),
    ("1601", "固定资产", "asset"), ("1602", "累计折旧", "asset"), ("1901", "待处理财产损溢", "asset"),
    ("2202", "应付账款", "liability"), ("2203", "预收账款", "liability"), ("2211", "应付职工薪酬", "liability"),
    ("2221", "应交税费", "liability"), ("2241", "其他应付款", "liability"), ("4001", "实收资本", "equity"),
    ("4103", "本年利润", "equity"), ("4104", "利润分配", "equity"), ("6001", "主营业务收入", "revenue"),
    ("6051", "其他业务收入", "revenue"), ("6301", "营业外收入", "revenue"), ("6401", "主营业务成本", "expense"),
    ("6601", "销售费用", "expense"), ("6602", "管理费用", "expense"), ("6603", "财务费用", "expense"),
    ("6701", "资产减值损失", "expense"), ("6711", "营业外支出", "expense"),
)  # fmt: skip
SUBACCOUNTS = (("100201", "基本户", "1002"), ("222101", "应交增值税", "2221"), ("660101", "运输费", "6601"))
REGIONS = ("华东", "华南", "华中", "西部")
SUPPLIER_NAMES = ("华丰食品", "绿源农业", "恒达日化", "新希望乳业", "康源粮油", "瑞祥肉类", "海鲜源水产", "洁雅日用")
COST_SHARE = 0.72  # of the list price
ON_PROMOTION = 0.04


def masters(world: World, dice: Dice) -> dict[str, Table]:
    """Every table, as it stands when the world begins; purchase orders as they stand when it ends."""
    prices = _list_prices(world)
    known = _sold_products(world)
    return {
        "organisation": _organisations(),
        "account": _accounts(),
        "store": _stores(world, dice),
        "supplier": _suppliers(world),
        "category": _categories(known),
        "product": _products(known, world, dice),
        "price": _prices(known, prices, world.days, dice),
        "purchase_order": _purchases(world, dice),
        "purchase_order_line": _purchase_lines(world, known, prices),
    }


def _organisations() -> Table:
    rows = [{"organisation": "ZT", "parent": "", "name": "中台示范集团", "kind": "group"}]
    for n, region in enumerate(REGIONS, 1):
        rows.append(
            {"organisation": f"ZT{n}", "parent": "ZT", "name": f"中台{region}商贸有限公司", "kind": "legal_entity"}
        )
        rows.append({"organisation": f"ZT{n}-R", "parent": f"ZT{n}", "name": f"{region}大区", "kind": "region"})
    rows += [
        {"organisation": f"ZT-{code}", "parent": "ZT", "name": name, "kind": "department"}
        for code, name in (("BUY", "采购部"), ("FIN", "财务部"), ("OLD", "筹备组"))
    ]
    return rows


def _accounts() -> Table:
    plain = [{"account": a, "parent": "", "name": n, "kind": k, "organisation": ""} for a, n, k in ACCOUNTS]
    kinds = {a: k for a, _, k in ACCOUNTS}
    below = [
        {"account": a, "parent": parent, "name": n, "kind": kinds[parent], "organisation": "ZT1"}
        for a, n, parent in SUBACCOUNTS
    ]
    return sorted(plain + below, key=lambda row: row["account"])


def places(world: World) -> pl.DataFrame:
    """(loc, copy, code) of every shop and centre that sold or handled anything, ordered."""
    shops = world.receipts.select(loc="store_id", copy=pl.col("copy").cast(pl.Int64))
    others = world.supply.moves.select("loc", pl.col("copy").cast(pl.Int64))
    lost = world.wanted.outs.select("loc", pl.col("copy").cast(pl.Int64))
    return pl.concat([shops, others, lost]).unique().with_columns(code=place()).sort("copy", "loc")


def _stores(world: World, dice: Dice) -> Table:
    drawn = places(world).with_columns(entity=1 + dice.below(len(REGIONS), "legal entity", "loc"))
    return [
        {
            "store": code, "name": f"{loc - CENTRE_BASE}号配送中心" if loc > CENTRE_BASE else f"{loc}号店",
            "kind": "warehouse" if loc > CENTRE_BASE else "store", "organisation": f"ZT{entity}", "zone": "Asia/Shanghai",
            "day_cut_hour": "0", "currency": "CNY", "gln": gln(loc, copy), "opened_on": "2017-01-01", "closed_on": "",
        }
        for loc, copy, code, entity in drawn.rows()
    ]  # fmt: skip


def supplier_code(number: int) -> str:
    return f"V{number:03}"


def _suppliers(world: World) -> Table:
    numbers = sorted(world.supply.purchases["supplier"].unique())
    return [
        {
            "supplier": supplier_code(n), "name": f"{SUPPLIER_NAMES[n % len(SUPPLIER_NAMES)]}{n}厂", "currency": "CNY",
            "lead_days": str(3 + n % 9), "status": "active",
        }
        for n in numbers
    ]  # fmt: skip


def _sold_products(world: World) -> pl.DataFrame:
    """The products that the ERP lists, with their category: those that were wanted more than once, bought, or in a set.

    The others are left to the shops: the ERP of a grocer does not know every article that was ever sold.
    """
    lines = pl.concat([world.wanted.lines.select("product_id"), world.wanted.lost.select("product_id")])
    often = lines.group_by("product_id").len().filter(pl.col("len") > 1).select("product_id")
    parts = (world.web.bundles.select(product_id=part) for part in ("a", "b"))
    wanted = pl.concat([often, world.supply.purchase_lines.select("product_id"), *parts]).unique()
    kinds = pl.read_parquet(data_file("products"), columns=["product_id", "product_category"])
    return (
        world.products.join(wanted, on="product_id", how="semi")
        .join(kinds.with_columns(pl.col("product_id").cast(pl.Int32)), on="product_id", how="left")
        .with_columns(kind=pl.col("product_category").cast(pl.String).fill_null("OTHER").str.strip_chars())
        .sort("product_id")
    )


def _categories(known: pl.DataFrame) -> Table:
    departments = [{"category": d, "parent": "", "name": d} for d in sorted(known["department"].unique())]
    kinds = known.select("department", "kind").unique().sort("department", "kind").rows()
    return departments + [{"category": f"{d}/{k}", "parent": d, "name": k} for d, k in kinds]


def _products(known: pl.DataFrame, world: World, dice: Dice) -> Table:
    keeps = known.select(keeps=dice.below(340, "keeps", "product_id")).to_series()
    rows = [
        {
            "sku": sku, "name": name, "category": f"{department}/{kind}", "base_unit": "mgal" if fuel else "each",
            "units": "gal=1000" if fuel else f"case={case}" if case else "",
            "barcodes": ";".join(code for code in (barcode, barcode2) if code),
            "bundle": "", "status": "active", "shelf_life_days": "" if fuel else str(20 + days),
        }
        for sku, name, department, kind, fuel, case, barcode, barcode2, days in known.with_columns(keeps)
        .select("sku", "name", "department", "kind", "fuel", "case", "barcode", "barcode2", "keeps")
        .rows()
    ]  # fmt: skip
    return rows + [
        {
            "sku": f"B{product}", "name": "组合装", "category": "", "base_unit": "each", "units": "", "barcodes": "",
            "bundle": f"P{a}*1;P{b}*1", "status": "active", "shelf_life_days": "",
        }
        for product, a, b in bundle_parts(world)
    ]  # fmt: skip


def bundle_parts(world: World) -> list[tuple[int, int, int]]:
    """(product_id of the set, and of its two parts), once each."""
    return world.web.bundles.select("product_id", "a", "b").unique().sort("product_id").rows()


def _list_prices(world: World) -> dict[int, int]:
    """Product → cents for one base unit (for a gallon of fuel), the dearest that anybody was asked."""
    listed = pl.col("cents") + pl.col("retail") + pl.col("match") + pl.col("coupon")
    dearest = (
        pl.concat([world.wanted.lines.drop("loc", "web"), world.wanted.lost.drop("loc", "web")])
        .filter((pl.col("quantity") > 0) & (listed > 0))
        .join(world.products.select("product_id", per=pl.when("fuel").then(1000).otherwise(1)), on="product_id")
        .group_by("product_id")
        .agg(((listed * pl.col("per") + pl.col("quantity") - 1) // pl.col("quantity")).max())
        .sort("product_id")
    )
    return dict(dearest.iter_rows())


def _prices(known: pl.DataFrame, prices: dict[int, int], days: list[date], dice: Dice) -> Table:
    first, last = days[0], days[-1]
    promoted = set(known.filter(dice.unit("promoted", "product_id") < ON_PROMOTION)["product_id"])
    rows = []
    for product, sku, fuel in known.select("product_id", "sku", "fuel").rows():
        if product not in prices:
            continue
        unit = "gal" if fuel else "each"
        rows.append(_price(sku, "list", prices[product], unit, date(2017, 1, 1), None))
        if product in promoted:
            rows.append(_price(sku, "promotion", max(1, prices[product] * 8 // 10), unit, first, last + timedelta(1)))
    return rows


def _price(sku: str, kind: str, cents: int, unit: str, since: date, until: date | None) -> dict[str, str]:
    return {
        "sku": sku, "store": "", "kind": kind, "currency": "CNY", "amount": money(cents), "unit": unit,
        "valid_from": since.isoformat(), "valid_to": until.isoformat() if until else "",
    }  # fmt: skip


def _purchases(world: World, dice: Dice) -> Table:
    # One order in thirty is called off: of those that have not come.
    drawn = world.supply.purchases.with_columns(code=place(), off=dice.unit("called off", "purchase") < 0.1)
    return [
        {
            "po": f"PO-{p['purchase']}", "supplier": supplier_code(p["supplier"]), "location": p["code"], "currency": "CNY",
            "ordered_at": str(moment(p["ordered"])), "expected_on": p["due"].date().isoformat(),
            "status": "closed" if p["received"] else "cancelled" if p["off"] else "open",
        }
        for p in drawn.rows(named=True)
    ]  # fmt: skip


def _purchase_lines(world: World, known: pl.DataFrame, prices: dict[int, int]) -> Table:
    products = {p: (sku, case) for p, sku, case in known.select("product_id", "sku", "case").rows()}
    rows = []
    for purchase, line, product, quantity in world.supply.purchase_lines.select(
        "purchase", "line", "product_id", "quantity"
    ).rows():
        sku, case = products[product]
        per = case if case and quantity % case == 0 else 1
        cost = max(1, int(prices.get(product, 100) * COST_SHARE)) * per
        rows.append(
            {
                "po": f"PO-{purchase}", "line": str(line), "sku": sku, "quantity": str(quantity // per),
                "unit": "case" if per > 1 else "each", "price": money(cost), "currency": "CNY",
            }
        )  # fmt: skip
    return rows


def received_at(world: World) -> dict[str, datetime]:
    """Purchase order → when it came."""
    came = world.supply.purchases.drop_nulls("received").select("purchase", "received").rows()
    return {f"PO-{purchase}": at for purchase, at in came}
