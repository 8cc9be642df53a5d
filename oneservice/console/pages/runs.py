"""Runs and freshness: what each run of the warehouse cost, what is published, and the quality report of each version."""

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from fastapi import Path as InPath
from fastapi import Response

from oneservice.console import charts
from oneservice.console.page import View, Viewing, router
from oneservice.console.pages.shown import marts, seen
from oneservice.problems import Problem

pages = router()

RUNS_SQL = """
    SELECT build, started_at, built_at, rows_new, milliseconds, cpu_milliseconds FROM meta_build ORDER BY build DESC LIMIT 50
"""
TABLES_SQL = """
    SELECT table_name, whole, len(days) AS days, rows_written, milliseconds FROM meta_build_table
    WHERE build = (SELECT max(build) FROM meta_build) ORDER BY milliseconds DESC, table_name
"""
CUT_SQL = """
    SELECT topic, sum(next_offset - first_offset)::BIGINT AS taken, sum(lost)::BIGINT AS lost
    FROM meta_run GROUP BY topic ORDER BY taken DESC, topic
"""
REPORT = "report.json"
_DOCS = re.compile(r"docs_(\d{1,12})")
Version = Annotated[int, InPath(ge=1, le=10**12)]


class Judged(NamedTuple):
    """The report of a version in numbers; `expected` 0 when it was published without one."""

    version: int
    expected: int
    broken: int


@pages.get("/runs")
def runs(view: Viewing) -> Response:
    with marts(view) as of:
        built, tables, cut = of.rows(RUNS_SQL), of.rows(TABLES_SQL), of.rows(CUT_SQL)
        version, age = of.version, of.age
    seen(view, len(built))
    reports = [_judged(folder, n) for n, folder in _folders(view)]
    earlier = built[::-1]
    seconds, rows = view.word("runs.seconds"), view.word("runs.rows")
    chart = charts.bars(
        [str(row["build"]) for row in earlier], {seconds: [round(row["milliseconds"] / 1000, 1) for row in earlier]}
    )
    grown = charts.bars([str(row["build"]) for row in earlier], {rows: [row["rows_new"] for row in earlier]})
    facts = {"runs": built, "tables": tables, "cut": cut, "reports": reports, "chart": chart, "grown": grown}
    return view.page("runs.html", version=version, age=age, **facts)


@pages.get("/runs/quality/{version}")
def quality(view: Viewing, version: Version) -> Response:
    """What was expected of a version before it was published, and what was found."""
    folder = _folder(view, version)
    found = json.loads((folder / REPORT).read_bytes()) if (folder / REPORT).exists() else []
    seen(view, len(found))
    tables: dict[str, list[dict[str, Any]]] = {}
    for one in found:
        tables.setdefault(one["table"], []).append(one)
    broken = sum(not one["holds"] for one in found)
    return view.page("quality.html", version=version, tables=tables, broken=broken, expected=len(found))


@pages.get("/runs/quality/{version}/docs.zip")
def docs(view: Viewing, version: Version) -> Response:
    """The report as Great Expectations wrote it. Its pages bring scripts from elsewhere, so they are not shown here."""
    folder = _folder(view, version)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                archive.write(path, path.relative_to(folder.parent).as_posix())
    headers = {"content-disposition": f'attachment; filename="docs_{version}.zip"'}
    return Response(packed.getvalue(), 200, headers, "application/zip")


def _may(view: View) -> None:
    """The report tells of all tables, so it is for roles that see how the warehouse is built."""
    with marts(view) as of:
        if not of.sees("meta_build"):
            raise Problem(403, "not_in_role", "", "")


def _folder(view: View, version: int) -> Path:
    _may(view)
    folder = dict(_folders(view)).get(version)
    if folder is None:
        raise Problem(404, "no_report", "", "")
    return folder


def _folders(view: View) -> list[tuple[int, Path]]:
    """The reports that are kept, the newest first."""
    found = [(_DOCS.fullmatch(path.name), path) for path in (view.service.settings.home / "marts").glob("docs_*")]
    return sorted(((int(match[1]), path) for match, path in found if match), reverse=True)


def _judged(folder: Path, version: int) -> Judged:
    try:
        found = json.loads((folder / REPORT).read_bytes())
    except (OSError, ValueError):
        return Judged(version, 0, 0)
    return Judged(version, len(found), sum(not one["holds"] for one in found))
