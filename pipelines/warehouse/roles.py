"""Writes the file of each role beside a publication: only its rows, only its columns.

    role_<role>_<n>.duckdb belongs to marts_<n>.duckdb; the one pointer moves both

A file is written afresh each time, and by a process of its own (`role_file.py`): a DELETE would leave the old bytes in it, and
so does the memory of a process that has seen other tables.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import duckdb

from connectors import atomic
from contracts.errors import BadInput, NotReady
from onedata.roles import Roles, role_sql, roles
from pipelines.warehouse import duck

# Each file, and the process that writes it.
Writers = list[tuple[Path, "subprocess.Popen[str]"]]

OWN = Path("reference") / "roles.yml"
# Passwords stand in ours, and a process' environment is part of its memory.
ENVIRONMENT = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}


def definitions(home: Path) -> Roles:
    """The roles of this installation: `reference/roles.yml` of the home, or else those that come with the release."""
    from ruamel.yaml import YAML  # 0.1 s that only the run needs
    from ruamel.yaml.error import YAMLError

    text = text_of(home)
    try:
        return roles(YAML(typ="safe").load(text))
    except YAMLError:
        raise BadInput(f"{home / OWN} is not YAML.", "Mend it; docs/roles.md shows one.") from None


def text_of(home: Path) -> str:
    """The definitions as they are written: another text is something to publish."""
    own = home / OWN
    return own.read_text("utf-8") if own.exists() else (files("models") / "roles.yml").read_text("utf-8")


def file_of(folder: Path, role: str, version: int) -> Path:
    """Where the file of a role lies. Roles and versions have names that no two files share."""
    return folder / f"role_{role}_{version}.duckdb"


@contextlib.contextmanager
def begun(con: duckdb.DuckDBPyConnection, folder: Path, version: int) -> Iterator[Writers]:
    """Begins to write the file of each role from the tables that `con` has built; `end` waits for them.

    Whoever leaves without having ended them leaves no file that a reader could come to. Raises `BadInput` when a definition
    does not fit the tables.
    """
    defined = definitions(folder.parent)
    shape = _shape(con)
    wanted = {name: role_sql(name, defined, shape) for name in defined.roles}
    aside = _rows_of(folder, version)
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    rows: dict[str, Path] = {}
    writers: Writers = []
    try:
        for name, tables in wanted.items():
            for sql in tables.values():
                if sql not in rows:  # several roles may see the same
                    rows[sql] = aside / f"{len(rows)}.parquet"
                    con.execute(
                        f"COPY ({sql}) TO '{duck.quoted(rows[sql])}' (FORMAT parquet, COMPRESSION uncompressed)"
                    )
            target = file_of(folder, name, version)
            writers.append((target, _begin(con, target, {table: (sql, rows[sql]) for table, sql in tables.items()})))
        yield writers
    finally:
        for _, writer in writers:
            writer.kill()  # does nothing to one that has ended
            writer.wait()
        shutil.rmtree(aside)


def end(writers: Writers) -> list[Path]:
    """Waits until each file is written and on the disk. Raises `NotReady` when one could not be."""
    return [_end(target, writer) for target, writer in writers]


def _shape(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    rows = con.execute("""
        SELECT table_name, column_name, data_type FROM duckdb_columns()
        WHERE database_name = current_database() AND schema_name = 'main' AND NOT internal
        ORDER BY table_name, column_index
    """).fetchall()
    shape: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        shape.setdefault(table, {})[column] = kind
    return shape


def _begin(
    con: duckdb.DuckDBPyConnection, target: Path, tables: dict[str, tuple[str, Path]]
) -> "subprocess.Popen[str]":
    """Starts the process that makes a role's file of its rows, and of nothing else: by table the query and its rows."""
    lines = []
    for table, (sql, rows) in tables.items():
        columns = ", ".join(f'"{name}" {kind}' for name, kind, *_ in con.execute(f"DESCRIBE {sql}").fetchall())
        lines.append(f"{table}\t{columns}\t{rows}\n")
    command = [sys.executable, "-P", str(Path(__file__).with_name("role_file.py")), str(_building(target))]
    writer = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    assert writer.stdin
    with contextlib.suppress(BrokenPipeError):  # it died: its status will be seen
        writer.stdin.writelines(lines)
        writer.stdin.close()
    return writer


def _end(target: Path, writer: "subprocess.Popen[str]") -> Path:
    assert writer.stderr
    told = writer.stderr.read()
    if writer.wait():
        reason = told.strip().splitlines()[-1:] or [f"it ended with {writer.returncode}"]
        raise NotReady(f"The file {target.name} could not be written: {reason[0]}", "Is the disk full? Then run again.")
    atomic.sync(_building(target))
    _building(target).rename(target)
    return target


def _rows_of(folder: Path, version: int) -> Path:
    """Where the rows lie that the writers read. No part of a publication: what a kill leaves of it is removed later."""
    return folder / f"roles_{version}.rows"


def _building(target: Path) -> Path:
    return target.with_suffix(".building")
