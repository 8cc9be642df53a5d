"""The published tables over HTTP: every row once, only the role's rows, in three forms."""

import io

import pyarrow as pa
import pytest

from tests.oneservice.conftest import World


def test_the_tables_of_a_role_are_those_of_its_file(world: World) -> None:
    named = [one["name"] for one in world.ask("/v1/tables", "manager").json()["tables"]]
    assert named == ["dwd_trade_receipt", "dws_trade_store_1d", "ads_stock_level"]
    assert world.ask("/v1/tables/dim_product", "manager").json()["code"] == "no_such_table"
    assert world.ask("/v1/tables/dwd_trade_receipt/rows", "manager").json()["rows"][0]["store"] == "S1"


def test_a_table_tells_its_columns_in_both_languages(world: World) -> None:
    told = world.ask("/v1/tables/dws_trade_store_1d").json()
    assert told["key"] == ["tenant", "store", "business_date", "currency"]
    store = next(column for column in told["columns"] if column["name"] == "store")
    assert store == {"name": "store", "type": "VARCHAR", "title": {"zh": "门店", "en": "Shop"}}
    assert told["age_seconds"] >= 0


@pytest.mark.parametrize("limit", [1, 7, 299, 300, 301])
def test_pages_hold_every_row_once(world: World, limit: int) -> None:
    found: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = world.ask("/v1/tables/dwd_trade_receipt/rows", params={"limit": limit, **after}).json()
        found += [row["receipt_id"] for row in page["rows"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert len(found) == len(set(found)) == 300


def test_a_filter_keeps_what_fits_all_conditions(world: World) -> None:
    where = ["store:eq:S2", "business_date:ge:2026-11-05", "total_cents:gt:0"]
    rows = world.ask("/v1/tables/dwd_trade_receipt/rows", params={"where": where, "limit": 1000}).json()["rows"]
    every = world.ask("/v1/tables/dwd_trade_receipt/rows", params={"limit": 1000}).json()["rows"]
    wanted = [r for r in every if r["store"] == "S2" and r["business_date"] >= "2026-11-05" and r["total_cents"] > 0]
    assert rows == wanted
    assert 0 < len(rows) < 300


def test_the_three_forms_say_the_same(world: World) -> None:
    path = "/v1/tables/dws_trade_store_1d/rows"
    told = world.ask(path).json()
    csv = world.ask(path, params={"format": "csv"})
    arrow = world.ask(path, params={"format": "arrow"})
    table = pa.ipc.open_stream(io.BytesIO(arrow.content)).read_all()
    assert [str(row["sales_cents"]) for row in told["rows"]] == [
        line.split(",")[told_index(csv.text)] for line in csv.text.splitlines()[1:]
    ]
    assert table.column("sales_cents").to_pylist() == [row["sales_cents"] for row in told["rows"]]
    assert csv.headers["zhongtai-version"] == arrow.headers["zhongtai-version"] == str(told["version"])


def told_index(text: str) -> int:
    return text.splitlines()[0].split(",").index("sales_cents")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"where": ["nobody:eq:1"]}, 404, "no_such_column"),
        ({"where": ["store"]}, 422, "invalid"),
        ({"where": ["store:like:S"]}, 422, "invalid"),
        ({"where": ["business_date:eq:+8613800138000"]}, 422, "bad_value"),
        ({"after": "Zm9v"}, 404, "no_such_page"),
        ({"after": "MS4yLi4="}, 404, "no_such_page"),
        ({"limit": 0}, 422, "invalid"),
        ({"wehre": "store:eq:S1"}, 422, "unknown_parameter"),
        ({"format": "xml"}, 422, "invalid"),
        ({"max_age_seconds": 0}, 409, "too_old"),
    ],
)
def test_what_cannot_be_answered_says_what_to_do_and_repeats_no_value(
    world: World, query: dict[str, object], status: int, code: str
) -> None:
    answer = world.ask("/v1/tables/dwd_trade_receipt/rows", params=query)
    told = answer.json()
    assert (answer.status_code, told["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert told["detail"]
    assert "13800138000" not in answer.text


def test_a_page_of_a_publication_that_is_gone_is_told_so(world: World) -> None:
    answer = world.ask("/v1/tables/dwd_trade_receipt/rows", params={"after": "OTk5LjA="})
    assert (answer.status_code, answer.json()["code"]) == (410, "gone")


def test_a_cell_that_a_spreadsheet_would_run_is_disarmed() -> None:
    from oneservice.answers import csv_text

    assert csv_text(["a"], [["=1+1"], ["-2"], [-2], ["a,b"]]) == b"a\n'=1+1\n'-2\n-2\n\"a,b\"\n"
