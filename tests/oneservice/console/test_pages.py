"""What the pages say, to whom."""

import io
import re
import zipfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oneservice.console.tools import Tools
from oneservice.service import Service
from tests.oneservice.conftest import World
from tests.oneservice.console.conftest import LAST, traded
from tests.oneservice.console.person import CLOCKS
from tests.oneservice.console.visitor import Visitor

# tests/questions judges the answers.
QUESTIONS = re.findall(
    r"## [0-9]+\..*?```sql\n(.*?)```",
    (Path(__file__).parents[3] / "docs" / "questions.md").read_text("utf-8"),
    re.DOTALL,
)
TOTAL = sum(one.total_cents for one in traded() if one.business_date == LAST.isoformat())


def test_the_newest_days_sales_are_those_of_the_tills(service: Service) -> None:
    said = Visitor(service).get("/sales").text
    assert f"{TOTAL / 100:,.2f} CNY" in said
    assert f'value="{LAST}"' in said


def test_the_hours_are_those_of_each_shops_own_clock(service: Service) -> None:
    of_day = [one for one in traded() if one.business_date == LAST.isoformat()]
    sums: dict[str, int] = {}
    for one in of_day:
        zone = ZoneInfo(CLOCKS.get(one.store, ("UTC", 0))[0])
        shown = f"{datetime.fromisoformat(one.at).astimezone(zone):%H}:00"
        sums[shown] = sums.get(shown, 0) + one.total_cents
    said = Visitor(service).get("/sales", **{"accept-language": "en"}).text
    rows = re.findall(r'<th scope="row">(\d\d:00)</th><td class="n">([\d,.]+)</td>', said)
    assert dict(rows) == {hour: f"{cents / 100:,.2f}" for hour, cents in sums.items()}
    assert {one.store for one in of_day} >= {"S1", "S6", "S7"}
    assert "each shop&#39;s own clock: America/New_York, Asia/Shanghai. Shops whose time zone" in said
    assert "时区：America/New_York, Asia/Shanghai。" in Visitor(service).get("/sales", **{"accept-language": "zh"}).text


def test_while_no_shops_clock_is_known_the_page_says_that_hours_are_utc(world: World) -> None:
    assert "Hours are those of UTC" in Visitor(world.service).get("/sales", **{"accept-language": "en"}).text


def test_the_first_page_shows_the_publication_when_kafka_does_not_answer(service: Service) -> None:
    said = Visitor(service).get("", **{"accept-language": "en"}).text
    assert f"{TOTAL / 100:,.2f} CNY" in said
    assert "marts_1.duckdb" in said
    assert "event.receipt" in said
    assert '<a class="refused" href="/console/letters?feed=pos">40 dead letters</a>' in said


def test_a_page_of_tables_that_the_role_does_not_see_says_so(service: Service) -> None:
    marketer = Visitor(service, "marketer")
    answer = marketer.get("/stock", **{"accept-language": "zh"})
    assert answer.status_code == 403
    assert "你的角色看不到" in answer.text
    assert marketer.get("/sales").status_code == 200
    assert "dwd_trade_receipt" not in marketer.get("/sql").text


def test_the_stock_of_a_product_is_shown_as_published_and_as_it_is_now(service: Service) -> None:
    said = Visitor(service).get("/stock?q=P1", **{"accept-language": "en"}).text
    assert "P1 right now" in said
    assert '<td class="n">41</td>' in said
    assert "right now" not in Visitor(service).get("/stock", **{"accept-language": "en"}).text


@pytest.mark.parametrize("path", ["/letters", "/members", "/segments", "/runs/quality/1", "/runs/quality/1/docs.zip"])
def test_a_page_that_the_role_may_not_use_is_closed(service: Service, path: str) -> None:
    assert Visitor(service, "marketer").get(path).status_code == 403


def test_an_address_without_a_page_is_told_in_the_readers_language(service: Service) -> None:
    answer = Visitor(service).get("/nowhere", **{"accept-language": "zh"})
    assert answer.status_code == 404
    assert "没有这个页面" in answer.text


def test_the_quality_report_of_a_version_is_shown_and_can_be_had_whole(service: Service) -> None:
    somebody = Visitor(service)
    said = somebody.get("/runs/quality/1", **{"accept-language": "en"}).text
    assert "1 of 2 expectations are broken." in said
    packed = somebody.get("/runs/quality/1/docs.zip")
    assert zipfile.ZipFile(io.BytesIO(packed.content)).namelist() == ["docs_1/index.html", "docs_1/report.json"]
    assert somebody.get("/runs/quality/2").status_code == 404


def test_an_answer_in_sql_is_shown_kept_and_can_be_taken_away(service: Service) -> None:
    somebody = Visitor(service)
    query = "SELECT 'a<b>' AS text, 42 AS n"
    shown = somebody.post("/sql", query=query)
    assert "a&lt;b&gt;" in shown.text
    assert "42" in shown.text
    assert "SELECT &#39;a&lt;b&gt;&#39; AS text, 42 AS n" in somebody.get("/sql").text
    assert somebody.post("/sql/download", query=query, form="csv").text == "text,n\na<b>,42\n"
    parquet = pq.read_table(io.BytesIO(somebody.post("/sql/download", query=query, form="parquet").content))
    arrow = pa.ipc.open_stream(somebody.post("/sql/download", query=query, form="arrow").content).read_all()
    assert parquet.to_pylist() == arrow.to_pylist() == [{"text": "a<b>", "n": 42}]


@pytest.mark.parametrize("question", QUESTIONS, ids=range(1, len(QUESTIONS) + 1))
def test_the_analysts_questions_can_be_asked_here(service: Service, question: str) -> None:
    answer = Visitor(service).post("/sql", query=question)
    assert answer.status_code == 200, answer.text
    assert "<table>" in answer.text


def test_a_history_is_its_tokens_alone(service: Service) -> None:
    one, other = Visitor(service), Visitor(service)
    one.post("/sql", query="SELECT 'asked by one'")
    assert "asked by one" in one.get("/sql").text
    assert "asked by one" not in other.get("/sql").text


def test_what_cannot_be_answered_is_said_in_place(service: Service) -> None:
    somebody = Visitor(service)
    part = somebody._ask(
        "POST",
        "/sql",
        {"origin": "http://here", "hx-request": "true", "accept-language": "zh"},
        data={"query": "DROP TABLE x"},
    )
    assert part.status_code == 200
    assert "只允许一条只读的 SELECT" in part.text
    assert "<html" not in part.text


def test_text_of_records_cannot_become_a_program(service: Service) -> None:
    said = Visitor(service).get('/stock?q=</script><script>alert(1)</script>"').text
    assert "<script>alert" not in said


class Drawn:
    """Segments as `zhongtai segments` tells them, without a Kafka."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []

    def overview(self) -> list[dict[str, Any]]:
        built = {
            "version": 1, "built_at": "2026-11-20T10:00:00Z", "members": 900, "matched": 120, "unknown": 3, "purpose": "marketing",
            "hold_out": {"percent": 10, "members": 11}, "consent": {"given": 70, "refused": 20, "unasked": 30}, "exportable": 63,
            "clauses": [{"clause": "life_cycle in at_risk", "passed": 200, "unknown": 3}],
        }  # fmt: skip
        title = {"zh": "流失预警召回", "en": "Win back"}
        return [{"segment": "win_back", "version": 1, "title": title, "built": built}]

    def build(self, name: str) -> None:
        self.asked.append(("build", name))

    def export(self, name: str, form: str, file: str, role: str, reveal: str) -> tuple[bytes, Mapping[str, Any]]:
        self.asked.append(("export", name, form, role, reveal))
        return b"member_id\nm-1\n", {"rows": 1}


def test_a_segment_is_shown_built_and_taken_away(service: Service) -> None:
    drawn = Drawn()
    somebody = Visitor(service, tools=Tools(segments=drawn))  # type: ignore[arg-type]
    said = somebody.get("/segments", **{"accept-language": "en"}).text
    assert "Win back" in said
    assert "life_cycle in at_risk" in said
    assert somebody.post("/segments/win_back/build").headers["location"] == "/console/segments"
    file = somebody.post("/segments/win_back/export", form="csv")
    assert file.text == "member_id\nm-1\n"
    assert 'filename="win_back.csv"' in file.headers["content-disposition"]
    assert drawn.asked == [("build", "win_back"), ("export", "win_back", "csv", "owner", "")]


def test_a_contact_in_clear_is_for_roles_that_may_have_it(service: Service) -> None:
    drawn = Drawn()
    somebody = Visitor(service, tools=Tools(segments=drawn))  # type: ignore[arg-type]
    assert somebody.post("/segments/win_back/export", form="csv", reveal="phone").status_code == 403
    assert drawn.asked == []
