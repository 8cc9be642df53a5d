"""One question in a process of its own: `python -I -m oneservice.sandbox.worker`.

It says `ready` on standard output once everything is imported, waits for a question (one line of JSON) on standard input,
locks itself down, answers and ends. The answer is a line of JSON (`Head`), then the bytes of the rows.
"""

import json
import os
import sys
from typing import Any

import duckdb
import pyarrow as pa

from connectors import published
from oneservice.answers import Format, csv_text, json_text, plain
from oneservice.sandbox import gate, lockdown

READY = b"ready\n"
CHUNK = 1_000
CONFIG: dict[str, Any] = published.LOCKED | {
    "allow_unsigned_extensions": "false",
    "python_scan_all_frames": "false",
    "threads": 1,
}
# What DuckDB's Python client imports only when such a value is there; after the lockdown no file can be opened.
REHEARSAL = """
SELECT TIMESTAMPTZ '2026-11-22 10:00:00+00', DATE '2026-11-22', TIME '10:00:00', INTERVAL 1 DAY, 1.5::DECIMAL(9, 2), 'a'::BLOB,
    uuid(), [1], {'a': 1}, MAP {'a': 1}, 1::HUGEINT, 'a'::ENUM ('a'), TIMETZ '10:00:00+01',
    '101'::BIT, TIMESTAMP_NS '2026-11-22 10:00:00'
"""


class TooMuch(Exception):
    """More bytes than an answer may have."""


def main() -> None:
    rehearse()
    os.write(1, READY)
    asked = sys.stdin.buffer.readline()
    if not asked:
        return
    question = json.loads(asked)
    head, body = answered(locked(question), question)
    _write(json.dumps(head).encode() + b"\n" + body)
    os._exit(0)  # nothing is left that would want to be closed


def locked(question: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    """The role's file, open in a process that from now on can reach nothing else."""
    con = duckdb.connect(question["file"], read_only=True, config=CONFIG | {"memory_limit": question["memory"]})
    published.lock(con)
    lockdown.lower()
    lockdown.close(question["memory_bytes"], question["cpu_s"])
    if question["landlock"]:
        lockdown.alone()
    return con


def rehearse() -> None:
    """Imports what conversions of values import."""
    with duckdb.connect(":memory:", config=CONFIG) as con:
        rows = con.execute(REHEARSAL).fetchall()
        plain(rows)
        csv_text(["a"], rows)
        _arrow(con.execute(REHEARSAL), 1, 1 << 20)
        con.execute("SELECT json_serialize_sql('SELECT 1')").fetchall()


def answered(con: duckdb.DuckDBPyConnection, question: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """What is told of the answer, and the answer. Never raises for what a statement does."""
    try:
        refused = refusal(con, question["sql"]) if question["gate"] else None
        return (_refused(*refused), b"") if refused else _rows(con, question)
    except (duckdb.Error, MemoryError, RecursionError, TooMuch, ValueError, OverflowError, pa.ArrowException) as error:
        return _told(error), b""


def _told(error: BaseException) -> dict[str, Any]:
    """What went wrong, in words for who asked."""
    if isinstance(error, duckdb.OutOfMemoryException | MemoryError):
        return _refused("too_much_memory", "The question needs more memory than it may have.", _LESS)
    if isinstance(error, TooMuch):
        return _refused("answer_too_large", "The answer has more bytes than it may have.", _LESS)
    if isinstance(error, RecursionError):
        return _refused("too_deep", "The statement is nested too deeply.", "Split it, with WITH.")
    if isinstance(error, duckdb.Error):
        told = "\n".join(line for line in str(error).splitlines() if 'Did you mean "pg_' not in line)
        return _refused(
            "sql_error", told[:2_000], "Correct the statement. Tables: SHOW TABLES; columns: DESCRIBE name."
        )
    do = "Cast the columns to simpler types, as in CAST(x AS VARCHAR)."
    return _refused("no_such_form", "The answer has values that this form cannot hold.", do)


_LESS = "Ask for less: aggregate, filter by a day or a shop, name the columns, or LIMIT."


def refusal(con: duckdb.DuckDBPyConnection, sql: str) -> gate.Refusal | None:
    """What the gate says of a statement."""
    statements = con.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        return gate.NOT_ONE
    (parsed,) = con.execute("SELECT json_serialize_sql(?)", [sql]).fetchone() or ("{}",)
    tables = [name for (name,) in con.execute("SELECT table_name FROM duckdb_tables() WHERE NOT internal").fetchall()]
    return gate.refusal(json.loads(parsed), tables)


def _rows(con: duckdb.DuckDBPyConnection, question: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    most, most_bytes, form = question["max_rows"], question["max_bytes"], Format(question["format"])
    result = con.execute(question["sql"])
    if result is None:  # a statement of nothing
        return _refused(*gate.NOT_ONE), b""
    columns = [{"name": str(column[0]), "type": str(column[1])} for column in result.description or ()]
    if form is Format.arrow:
        count, more, body = _arrow(result, most, most_bytes)
    else:
        rows, more = _fetched(result, most, most_bytes)
        count = len(rows)
        names = [column["name"] for column in columns]
        body = csv_text(names, rows) if form is Format.csv else json_text([list(map(plain, row)) for row in rows])
    if len(body) > most_bytes:
        raise TooMuch
    return {"status": "ok", "columns": columns, "rows": count, "truncated": more}, body


def _fetched(result: duckdb.DuckDBPyConnection, most: int, most_bytes: int) -> tuple[list[tuple[Any, ...]], bool]:
    rows: list[tuple[Any, ...]] = []
    size = 0
    while len(rows) <= most and (some := result.fetchmany(min(CHUNK, most + 1 - len(rows)))):
        rows += some
        size += sum(len(value) for row in some for value in row if isinstance(value, str | bytes))
        if size > most_bytes:
            raise TooMuch
    return rows[:most], len(rows) > most


def _arrow(result: duckdb.DuckDBPyConnection, most: int, most_bytes: int) -> tuple[int, bool, bytes]:
    sink = pa.BufferOutputStream()
    reader = result.to_arrow_reader(CHUNK)
    count, more = 0, False
    with pa.ipc.new_stream(sink, reader.schema) as stream:
        for batch in reader:
            kept = batch.slice(0, most - count)
            stream.write_batch(kept)
            count += kept.num_rows
            more = kept.num_rows < batch.num_rows
            if sink.tell() > most_bytes:
                raise TooMuch
            if more:
                break
    return count, more, bytes(sink.getvalue())


def _refused(code: str, wrong: str, do: str) -> dict[str, Any]:
    return {"status": code, "wrong": wrong, "do": do}


def _write(answer: bytes) -> None:
    view = memoryview(answer)
    while view:
        view = view[os.write(1, view) :]


if __name__ == "__main__":
    main()
