"""Segments: who is in one, who is left out and why, and the file for whoever writes to them."""

from typing import Annotated, Any

from fastapi import Form, Path, Response
from fastapi.responses import RedirectResponse

from oneservice.console import charts
from oneservice.console.page import HOME, View, Viewing, router
from oneservice.console.pages.shown import seen
from oneservice.console.tools import Segments
from oneservice.problems import Problem

pages = router()

MEDIA = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
Name = Annotated[str, Path(pattern="^[a-z][a-z0-9_]{0,40}$")]


@pages.get("/segments")
def segments(view: Viewing) -> Response:
    view.caller.must("segments")
    known = view.request.app.state.console.tools.segments
    found = known.overview() if known else []
    seen(view, len(found))
    shown = [one | {"chart": _chart(view, one["built"]) if one["built"] else None} for one in found]
    reveals = view.caller.defined.reveals if view.caller.defined else ()
    return view.page("segments.html", segments=shown, reveals=reveals, consents=("given", "refused", "unasked"))


@pages.post("/segments/{name}/build")
def build(view: Viewing, name: Name) -> Response:
    _tool(view).build(name)
    return RedirectResponse(f"{HOME}/segments", 303)


@pages.post("/segments/{name}/export")
def export(
    view: Viewing,
    name: Name,
    form: Annotated[str, Form(max_length=10)] = "csv",
    reveal: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """The members who consented and are not held out, now. The ledger of the segment says who took them."""
    tool = _tool(view)
    if form not in MEDIA:
        raise Problem(422, "unreadable", "", "")
    if reveal and reveal not in (view.caller.defined.reveals if view.caller.defined else ()):
        raise Problem(403, "not_allowed", "", "")
    file = f"{name}.{form}"
    content, manifest = tool.export(name, form, file, view.caller.role, reveal)
    seen(view, manifest["rows"])
    return Response(content, 200, {"content-disposition": f'attachment; filename="{file}"'}, MEDIA[form])


def _tool(view: View) -> Segments:
    view.caller.must("segments")
    tool: Segments | None = view.request.app.state.console.tools.segments
    if tool is None:
        raise Problem(503, "no_tool", "", "")
    return tool


def _chart(view: View, built: dict[str, Any]) -> charts.Option:
    """From everybody to who is written to, step by step."""
    steps = steps_of(view, built)
    return charts.bars([name for name, _ in steps], {view.word("segments.members"): [n for _, n in steps]}, across=True)


def steps_of(view: View, built: dict[str, Any]) -> list[tuple[str, int]]:
    clauses = [(one["clause"], one["passed"]) for one in built["clauses"]]
    first = (view.word("segments.everybody"), built["members"])
    return [
        first,
        *clauses,
        (view.word("segments.in"), built["matched"]),
        (view.word("segments.out"), built["exportable"]),
    ]
