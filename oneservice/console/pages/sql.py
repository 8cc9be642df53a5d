"""SQL: one SELECT over what the role sees, what was asked before, and the answer as a file."""

import json
import time
from io import BytesIO
from typing import Annotated, Any

from fastapi import Form, Query, Response

from oneservice.answers import MEDIA, Format
from oneservice.catalogue import described
from oneservice.console.page import View, Viewing, router
from oneservice.console.pages.shown import marts
from oneservice.problems import Problem
from oneservice.routes.sql import Asked, Reply, ask

pages = router()

SHOWN = 500
LONGEST = 100_000
COLUMNS_SQL = """
    SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal ORDER BY table_name, column_index
"""
FIRST = """\
SELECT store, sum(sales_cents)::BIGINT AS sales_cents, sum(receipts)::BIGINT AS receipts
FROM dws_trade_store_1d
GROUP BY store ORDER BY sales_cents DESC LIMIT 10"""
# form → (format that is asked for, ending)
FORMS = {"csv": (Format.csv, "csv"), "arrow": (Format.arrow, "arrows"), "parquet": (Format.arrow, "parquet")}
NUMBERS = frozenset(
    {
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "HUGEINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
        "UBIGINT",
        "UHUGEINT",
        "FLOAT",
        "DOUBLE",
    }
)
PARQUET = "application/vnd.apache.parquet"

Query_ = Annotated[str, Form(max_length=LONGEST)]


@pages.get("/sql")
def sql(view: Viewing, again: Annotated[int, Query(ge=0)] = 0) -> Response:
    """The page; `again` names a question of one's own history."""
    history = view.request.app.state.console.history.of(view.caller.token)
    query = next((one.query for one in history if one.id == again), "") or FIRST
    return view.page("sql.html", query=query, history=history, tables=_tables(view))


@pages.post("/sql")
def answer(view: Viewing, query: Query_ = "") -> Response:
    """The answer as a part of the page."""
    reply, ms = _asked(view, query, Format.json, SHOWN)
    found = reply.answer
    facts = {"columns": found.columns, "rows": json.loads(found.body), "truncated": found.truncated, "ms": ms}
    history = view.request.app.state.console.history.of(view.caller.token)
    age = view.service.age(reply.as_of)
    facts["numbers"] = NUMBERS
    return view.page("part_answer.html", **facts, history=history, version=reply.version, age=age, shown=SHOWN)


@pages.post("/sql/download")
def download(view: Viewing, query: Query_ = "", form: Annotated[str, Form(max_length=10)] = "csv") -> Response:
    """The whole answer as a file: CSV, Parquet, or an Arrow stream."""
    if form not in FORMS:
        raise Problem(422, "unreadable", "", "")
    asked, ending = FORMS[form]
    reply, _ = _asked(view, query, asked, LONGEST)
    body, media = reply.answer.body, MEDIA[asked]
    if form == "parquet":
        body, media = _parquet(body), PARQUET
    headers = {
        "content-disposition": f'attachment; filename="answer.{ending}"',
        "zhongtai-truncated": str(reply.answer.truncated).lower(),
    }
    return Response(body, 200, headers, media)


def _asked(view: View, query: str, format: Format, most: int) -> tuple[Reply, int]:
    """Asks, and keeps the question whatever comes of it."""
    history = view.request.app.state.console.history
    if not query.strip():
        raise Problem(422, "no_question", "", "")
    began = time.perf_counter()
    status, rows = "ok", 0
    try:
        reply = ask(view.service, view.caller, view.request, Asked(query=query, format=format, max_rows=most))
        rows = reply.answer.rows
    except Problem as problem:
        status = problem.code
        raise
    finally:
        ms = int((time.perf_counter() - began) * 1000)
        history.add(view.caller.token, query, status, rows, ms)
    return reply, ms


def _parquet(stream: bytes) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = BytesIO()
    pq.write_table(pa.ipc.open_stream(stream).read_all(), sink)
    return sink.getvalue()


def _tables(view: View) -> list[dict[str, Any]]:
    """The tables that the role sees, with the words of the catalogue."""
    with marts(view) as of:
        rows = of.rows(COLUMNS_SQL)
    shapes: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        shapes.setdefault(row["table_name"], []).append((row["column_name"], row["data_type"]))
    about = described()
    order = {name: place for place, name in enumerate(about)}
    found = []
    for name in sorted(shapes, key=lambda one: (order.get(one, len(order)), one)):
        table = about.get(name)
        columns = [
            {
                "name": column,
                "type": type,
                "title": _of(table.columns[column], view) if table and column in table.columns else "",
            }
            for column, type in shapes[name]
        ]
        found.append({"name": name, "title": _of(table, view) if table else "", "columns": columns})
    return found


def _of(described: Any, view: View) -> str:
    words = getattr(described, "title", described)
    return str(getattr(words, view.language))
