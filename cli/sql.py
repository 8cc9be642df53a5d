"""`zhongtai sql`: one question to the published marts. They are opened read-only and nothing else can be reached."""

import csv
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import IO, Annotated, Any

import duckdb
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.console import err
from connectors.settings import load
from contracts.errors import BadInput

FORMATS = ("table", "csv", "json", "arrow")
CHUNK = 10_000


def sql(
    query: Annotated[str, typer.Argument(help="One SELECT, SHOW TABLES, DESCRIBE … or SUMMARIZE …")],
    format: Annotated[str, typer.Option(help="table, csv, json (one array) or arrow (IPC stream).")] = "table",
    output: Annotated[
        Path | None, typer.Option("--output", "--out", help="Write to this file instead of standard output.")
    ] = None,
    max_rows: Annotated[int, typer.Option(help="Rows that a table shows at most; 0 shows all.")] = 100,
    role: Annotated[str, typer.Option(help="Ask as this role: only its rows and columns (docs/roles.md).")] = "",
) -> None:
    """Ask the published marts a question in SQL. Nothing but the published tables can be reached, and nothing changed.

        zhongtai sql "SHOW TABLES"\n
        zhongtai sql "SELECT store, sum(sales_cents) FROM dws_trade_store_1d GROUP BY ALL" --format csv\n
        zhongtai sql "FROM ads_stock_level" --role store_manager

    Exit status: 0 answered, 2 the question cannot be answered as it is put, 4 nothing is published yet.
    """
    from connectors import published

    if format not in FORMATS:
        raise BadInput(f"There is no format {format}.", f"Formats: {', '.join(FORMATS)}.")
    if format == "arrow" and output is None and sys.stdout.isatty():
        raise BadInput("Arrow is binary and would garble the terminal.", "Use --output FILE, or a pipe.")
    con = published.connect(load().home, role)
    try:
        result = con.execute(only_select(con, query))
        write(result, format, output, max_rows)
    except duckdb.Error as error:
        # DuckDB proposes tables of its own catalogue, which do not help.
        told = "\n".join(line for line in str(error).splitlines() if 'Did you mean "pg_' not in line)
        raise BadInput(told, 'Which tables exist: zhongtai sql "SHOW TABLES"') from None
    finally:
        con.close()


def only_select(con: duckdb.DuckDBPyConnection, query: str) -> duckdb.Statement:
    """The one statement of the query. Raises `BadInput` unless it only reads."""
    statements = con.extract_statements(query)
    # SHOW, DESCRIBE, SUMMARIZE and VALUES are SELECTs to DuckDB.
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise BadInput("Only one statement that reads is allowed.", "SELECT …, SHOW TABLES, DESCRIBE … or SUMMARIZE …")
    return statements[0]


def write(result: duckdb.DuckDBPyConnection, format: str, output: Path | None, max_rows: int) -> None:
    """Writes a result in one of `FORMATS` to a file or to standard output."""
    if format == "arrow":
        with _binary(output) as sink:
            _write_arrow(result, sink)
        return
    with _text(output) as text:
        if format == "csv":
            _write_csv(result, text)
        elif format == "json":
            _write_json(result, text)
        else:
            _write_table(result, text, max_rows)


def _write_arrow(result: duckdb.DuckDBPyConnection, sink: IO[bytes]) -> None:
    import pyarrow as pa

    reader = result.to_arrow_reader(CHUNK)
    with pa.ipc.new_stream(sink, reader.schema) as stream:
        for batch in reader:
            stream.write_batch(batch)


def _write_csv(result: duckdb.DuckDBPyConnection, text: IO[str]) -> None:
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_names(result))
    for row in _rows(result):
        writer.writerow(["" if v is None else _written(v) for v in row])


def _write_json(result: duckdb.DuckDBPyConnection, text: IO[str]) -> None:
    names = _names(result)
    before = "["
    for row in _rows(result):
        # An object a line: one array for programs, and readable with grep all the same.
        text.write(before + json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False, default=str))
        before = ",\n"
    text.write("[]\n" if before == "[" else "]\n")


def _write_table(result: duckdb.DuckDBPyConnection, text: IO[str], max_rows: int) -> None:
    rows = result.fetchall() if max_rows <= 0 else result.fetchmany(max_rows + 1)
    more = 0 < max_rows < len(rows)
    shown = rows[:max_rows] if more else rows
    table = Table()
    for i, name in enumerate(_names(result)):
        numbers = any(_is_number(row[i]) for row in shown)
        table.add_column(Text(name), justify="right" if numbers else "left", overflow="fold")
    for row in shown:
        table.add_row(*(Text("" if v is None else _written(v)) for v in row))
    Console(file=text, highlight=False, width=None if text.isatty() else 240).print(table)
    if more:
        err.print(f"Only the first {max_rows:,} rows. All of them: --max-rows 0")


def _names(result: duckdb.DuckDBPyConnection) -> list[str]:
    return [column[0] for column in result.description or ()]


def _rows(result: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while rows := result.fetchmany(CHUNK):
        yield from rows


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | dict | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


@contextmanager
def _text(output: Path | None) -> Iterator[IO[str]]:
    if output is None:
        yield sys.stdout
        return
    with output.open("w", encoding="utf-8", newline="") as text:
        yield text


@contextmanager
def _binary(output: Path | None) -> Iterator[IO[bytes]]:
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with output.open("wb") as sink:
        yield sink
