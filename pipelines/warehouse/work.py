"""What is to be built, table by table in their order: from rows to days, and from days to the tables that read them."""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import duckdb

from pipelines.warehouse import build_sql, load
from pipelines.warehouse.build_sql import CHANGED
from pipelines.warehouse.lake import LakeTable
from pipelines.warehouse.models import Model
from pipelines.warehouse.project import Placed, Project

WHOLE = "whole"
# `WHOLE`, or the days of a table that is built by day; no day is nothing to do.
Work = str | frozenset[date]


class Written(NamedTuple):
    rows: int
    milliseconds: int


class Working:
    """The work of one build, found out as it goes along: a table is written before the tables that read it are asked.

    `done` says what was built; `days` are built besides, in every table. `cut` is how far the lake then is in the
    tables, `moved` whether that is further than before; `reached` has by topic and partition the offset after the last new
    row, of those that have one. Models in `remade` count as changed.
    """

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        known: Project,
        of: Sequence[Model],
        days: frozenset[date],
        remade: Collection[str] = (),
    ) -> None:
        self._con = con
        self._models = {model.name: model for model in of}
        self._days = days
        self._remade = remade
        self._filled = {name for (name,) in con.execute("FROM warehouse_filled").fetchall()}
        # Names of tables with changed rows. Those that are also in `_shown` have a view of exactly these rows.
        self._changed: set[str] = set()
        self._shown: set[str] = set()
        self.placed = {placed.name: placed for placed in known.tables}
        self.done: dict[str, Work] = {}
        self.written: dict[str, Written] = {}
        self.cut: list[list[object]] = []
        self.moved = False
        self.reached: dict[tuple[str, int], int] = {}

    def look(
        self, held: Iterable[LakeTable], references: Collection[str], pending: Mapping[str, str] | None = None
    ) -> int:
        """Finds the rows of the lake, which `held`, that were not built yet; how many. `references` are the tables that changed.

        `pending` gives rows that are not even in the lake: for an `ods` table, the query that shows them.
        """
        before = self._con.execute("FROM warehouse_cut ORDER BY ALL").fetchall()
        built: dict[str, dict[int, int]] = {}
        for _, _, topic, _, partition, _, after, _ in before:
            built.setdefault(topic, {})[partition] = after
        for table in held:
            self.cut += build_sql.cut_rows(table.identity, table.places)
        self.moved = sorted(map(tuple, self.cut)) != before
        rows = 0
        for feed in load.shown():
            name = feed.shown
            query = build_sql.new_rows_sql(name, built.get(feed.topic, {}))
            more = (pending or {}).get(name)
            query = f"{query} UNION ALL BY NAME {more}" if more else query
            if feed.topic in built:  # they are few, and are asked for again for each table that reads them
                self._con.execute(f"CREATE OR REPLACE TEMP TABLE {CHANGED}{name} AS {query}")
            else:
                self._view(name, query)
            ends = self._con.execute(build_sql.reached_sql(f"{CHANGED}{name}")).fetchall()
            self.reached |= {(feed.topic, partition): after for partition, _, after in ends}
            found = sum(count for _, count, _ in ends)
            self._mark(name, found)
            rows += found
        self._changed |= {name for name, placed in self.placed.items() if set(placed.reads) & set(references)}
        return rows

    def through(self) -> Iterator[tuple[str, Work]]:
        """Every table that has work, with its work. Before the next is asked for, this one must have been written."""
        for name, placed in self.placed.items():
            if placed.physical:
                todo = self._work(placed)
                if todo:
                    if not self._models[name].described.time and self._is_touched(name):
                        self._show_difference(name)
                    else:
                        self._changed.add(name)
                    self.done[name] = todo
                    yield name, todo
            elif self._changed & set(placed.reads):
                self._changed.add(name)

    def write(self, name: str, todo: Work) -> None:
        """Replaces the rows of a table, on its days or all of them, by what its query gives now."""
        began = time.perf_counter()
        model, physical = self._models[name], self.placed[name].physical
        where = "true" if isinstance(todo, str) else build_sql.on_days_sql(model.described.time, todo)
        self._con.execute(build_sql.delete_sql(physical, where))
        ((rows,),) = self._con.execute(build_sql.insert_sql(physical, model.sql, where)).fetchall()
        self.written[name] = Written(rows, round(1000 * (time.perf_counter() - began)))

    def _work(self, placed: Placed) -> Work:
        described = self._models[placed.name].described
        if placed.physical not in self._filled or placed.name in self._remade:
            return WHOLE
        sources = self._changed & set(placed.reads)
        if not described.time:
            return WHOLE if sources or self._days else frozenset()
        days = set(self._days)
        for source in sources:
            done = self.done.get(source)
            if source in self._shown:
                days |= {day for (day,) in self._con.execute(placed.touched[source]).fetchall()}
            elif done is None or isinstance(done, str):
                return WHOLE
            else:
                days |= {day + timedelta(days=n) for day in done for n in range(described.window)}
        return frozenset(days)

    def _is_touched(self, name: str) -> bool:
        """Whether a table that is built by day reads this one: then it must know which rows changed."""
        return any(name in placed.touched for placed in self.placed.values())

    def _show_difference(self, name: str) -> None:
        # DuckDB has no view over a query that was made before its tables changed: the rows are kept.
        before, after = f'"{name}"', f"({self._models[name].sql}\n)"
        self._con.execute(
            f"CREATE OR REPLACE TEMP TABLE {CHANGED}{name}_rows AS {build_sql.difference_sql(before, after)}"
        )
        self._view(name, f"SELECT * FROM {CHANGED}{name}_rows")  # noqa: S608
        ((rows,),) = self._con.execute(f"SELECT count(*) FROM {CHANGED}{name}_rows").fetchall()  # noqa: S608
        self._mark(name, rows)

    def _view(self, name: str, query: str) -> None:
        self._con.execute(f"CREATE OR REPLACE TEMP VIEW {CHANGED}{name} AS {query}")

    def _mark(self, name: str, rows: int) -> None:
        """A table whose view shows so many changed rows."""
        if rows:
            self._changed.add(name)
            self._shown.add(name)
