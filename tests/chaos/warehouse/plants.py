"""Bugs planted into a run, each with the script that shows it every time. They prove that the storms can fail.

A plant changes functions of the worker's process, nothing else. The same script without the plant is clean.
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from connectors import published
from pipelines.warehouse import build, lake, lake_repair, publish, work

Script = Callable[[Any, dict[str, object]], None]


class Plant(NamedTuple):
    """A bug and the situation in which it shows. The script is given a storm and what its faulty runs have besides."""

    plant: Callable[[], None]
    script: Script


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


# Scripts: the events of three phases, one fault, and an undisturbed run at the end, by a worker without the bug. Where
# nothing new comes after the fault, what was lost by it stays lost.


def killed_at(step: str) -> Script:
    def script(storm: Any, bug: dict[str, object]) -> None:
        storm.run(1)
        storm.run(3, step=step, **bug)
        storm.rest()
        storm.run(3)

    return script


def dying_of_it(storm: Any, bug: dict[str, object]) -> None:
    """The bug itself kills its process halfway; without it the run is a run like others."""
    storm.run(1)
    storm.run(3, **({"dies": True} | bug if bug else {}))
    storm.rest()
    storm.run(3)


def all_along(storm: Any, bug: dict[str, object]) -> None:
    for phase in (1, 2, 3):
        storm.run(phase, **bug)
        storm.rest()


def damaged_commit(storm: Any, bug: dict[str, object]) -> None:
    storm.run(1)
    storm.cut_newest_commit()
    storm.run(2, **bug)
    storm.run(3)


# Bugs.


def points_before_the_file_is_there() -> None:
    """The pointer moves when building begins."""
    built = publish._build

    def early(building: Path, *rest: Any) -> None:
        publish._point(building.parent / published.POINTER, building.with_suffix(".duckdb").name)
        built(building, *rest)

    publish._build = early


def builds_under_the_final_name() -> None:
    """No rename: the file is pointed to and then filled."""
    released = publish._release

    def late(folder: Path, building: Path, version: int, at: Any) -> None:
        content = building.read_bytes()
        target = folder / f"marts_{version}.duckdb"
        target.write_bytes(content[: len(content) // 2])
        publish._point(folder / published.POINTER, target.name)
        at("publish.pointed")
        target.unlink()
        released(folder, building, version, at)

    publish._release = late


def writes_the_pointer_in_place() -> None:
    """The pointer is emptied and then written."""

    def in_place(file: Path, text: str) -> None:
        file.write_text("")
        if file.name == published.POINTER:
            die()
        file.write_text(text)

    publish._point = in_place


def uses_a_path_again() -> None:
    """Every publication is version 1."""
    publish._count = lambda folder: 1


def offsets_before_rows() -> None:
    """Offsets and rows are two commits, the offsets first, and the process dies between them."""
    both = lake.LakeTable.append

    def apart(self: lake.LakeTable, rows: Any, places: Any) -> None:
        both(self, rows.slice(0, 0), places)
        if self.identity.topic == "event.receipt" and rows.num_rows:
            die()
        both(self, rows, places)

    lake.LakeTable.append = apart  # type: ignore[method-assign]


def rows_before_offsets() -> None:
    """Rows and offsets are two commits, the rows first, and the process dies between them."""
    both = lake.LakeTable.append

    def apart(self: lake.LakeTable, rows: Any, places: Any) -> None:
        both(self, rows, self.places)
        if self.identity.topic == "event.stock_movement" and rows.num_rows:
            die()
        both(self, rows.slice(0, 0), places)

    lake.LakeTable.append = apart  # type: ignore[method-assign]


def notes_the_cut_first() -> None:
    """How far the lake was built is committed before the tables are."""
    looked = work.Working.look

    def noted(self: work.Working, *words: Any) -> int:
        rows = looked(self, *words)
        self._con.execute("TRUNCATE warehouse_cut")
        self._con.executemany("INSERT INTO warehouse_cut VALUES (?, ?, ?, ?, ?, ?, ?, ?)", self.cut)
        self._con.execute("COMMIT")
        self._con.execute("BEGIN")
        return rows

    work.Working.look = noted  # type: ignore[method-assign]


def looks_back_one_day_only() -> None:
    """Late facts: only the last two days that new rows touch are built."""
    found = work.Working._work

    def recent(self: work.Working, placed: Any) -> work.Work:
        todo = found(self, placed)
        return todo if isinstance(todo, str) else frozenset(sorted(todo)[-2:])

    work.Working._work = recent  # type: ignore[method-assign]


def writes_twice_and_skips_the_audit() -> None:
    """A table is written twice, and nobody asks."""
    written = work.Working.write

    def twice(self: work.Working, name: str, todo: work.Work) -> None:
        written(self, name, todo)
        if name == "dwd_stock_movement":
            self._con.execute(f"INSERT INTO {self.placed[name].physical} FROM {self.placed[name].physical} LIMIT 1")

    work.Working.write = twice  # type: ignore[method-assign]
    build.broken_rules = lambda *_: []


def trusts_the_newest_commit() -> None:
    """A damaged commit is not set aside."""
    lake_repair.repair = lambda folder: []


PLANTS = {
    "pointer before the file": Plant(points_before_the_file_is_there, killed_at("publish.built")),
    "publish without rename": Plant(builds_under_the_final_name, killed_at("publish.pointed")),
    "pointer written in place": Plant(writes_the_pointer_in_place, dying_of_it),
    "reused path": Plant(uses_a_path_again, all_along),
    "offsets before rows": Plant(offsets_before_rows, dying_of_it),
    "rows before offsets": Plant(rows_before_offsets, dying_of_it),
    "cut noted before the tables": Plant(notes_the_cut_first, killed_at("build.written")),
    "late facts left out": Plant(looks_back_one_day_only, all_along),
    "audit skipped": Plant(writes_twice_and_skips_the_audit, all_along),
    "newest commit trusted": Plant(trusts_the_newest_commit, damaged_commit),
}
