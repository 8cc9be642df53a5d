"""The first page: the flow picture, how far everything is, and the last day's sales."""

from typing import Any

from fastapi import Response

from contracts.errors import NotReady
from oneservice.console import flow
from oneservice.console.page import Marts, View, Viewing, router
from oneservice.console.pages import letters
from oneservice.console.pages.sales import LAST_DAY_SQL
from oneservice.console.pages.shown import marts
from oneservice.problems import Problem

pages = router()

CUT_SQL = "SELECT topic, sum(next_offset)::BIGINT AS upto FROM meta_run GROUP BY topic"
TABLES_SQL = """
    SELECT count(*) AS tables, coalesce(sum(estimated_size), 0)::BIGINT AS rows FROM duckdb_tables() WHERE NOT internal
"""


@pages.get("")
def overview(view: Viewing) -> Response:
    return view.page("overview.html", **_facts(view))


@pages.get("/overview/flow")
def part(view: Viewing) -> Response:
    """The part of the page that the browser asks for again and again. In the audit log stands the page itself."""
    view.request.state.token = None
    return view.page("part_flow.html", **_facts(view))


def _facts(view: View) -> dict[str, Any]:
    watch = view.request.app.state.console.watch
    samples = watch.samples()
    last = samples[-1] if samples else None
    published: dict[str, Any] = {"version": 0, "age": None, "tables": 0, "rows": 0, "day": {}, "waiting": None}
    try:
        with marts(view) as of:
            published = _published(view, of, samples)
    except (NotReady, Problem):
        pass  # the page says that nothing is published, and shows the rest
    return {
        "feeds": flow.feeds(samples),
        "stages": flow.stages(samples),
        "spark": flow.spark,
        "works": flow.works(samples),
        "behind": flow.behind(last),
        "looked": last is not None,
        "wrong": last.wrong if last else "",
        "do": last.do if last else "",
        "dead": letters.totals(view),
        "taken": published,
    }


def _published(view: View, of: Marts, samples: list[Any]) -> dict[str, Any]:
    cut = {row["topic"]: row["upto"] for row in of.rows(CUT_SQL)} if of.sees("meta_run") else {}
    look = view.service.publications.looked(of.version)
    if look and cut:
        cut |= {topic: sum(ends.values()) for topic, ends in look.ends.items()}
    return {
        "version": of.version,
        "age": of.age,
        "day": of.one(LAST_DAY_SQL) if of.sees("dws_trade_store_1d") else {},
        "waiting": flow.waiting(samples, cut) if cut else None,
        **of.one(TABLES_SQL),
    }
