"""Members: who has an identifier, what is known of them, and why their identifiers are one person's.

An identifier in clear comes in the body of a POST and is forgotten: no address, cookie or history ever holds it.
"""

from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal

from fastapi import Form, Path, Query, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from connectors import worker_metrics
from contracts.instants import spelt
from contracts.money import DECIMALS
from oneid.identifiers import TYPES
from oneid.rules import Rules, parse
from oneservice.console import charts, graph_health, person
from oneservice.console.page import HOME, View, Viewing, router
from oneservice.live.surroundings import Reading
from oneservice.problems import Problem
from oneservice.routes import members as api
from oneservice.routes.members import Identifier, Member

pages = router()

# What can be looked up by hand; the others describe, or name no person.
ASKED = tuple(type for type in TYPES if type not in {"name", "address"})
FEW = 12
ROWS = 100  # lines of a page of the table
RESOLVER = "resolve_members"  # the job that owns the graph
Only = Literal["all", "joined", "refused"]
MemberId = Annotated[str, Path(max_length=100, pattern="^[A-Za-z0-9-]+$")]


@pages.get("/members")
def members(view: Viewing) -> Response:
    view.caller.must("members")
    return _form(view)


@pages.post("/members")
def find(
    view: Viewing,
    type: Annotated[str, Form(max_length=20)] = "phone",
    value: Annotated[str, Form(max_length=512)] = "",
) -> Response:
    """Goes on to the member's page. What was typed is not shown again."""
    view.caller.must("members")
    try:
        asked = Identifier(type=type, value=value)
        found = api.find(view.service, view.caller, view.request, asked)
    except ValidationError:
        return _form(view, "no_such_identifier", type)
    except Problem as problem:
        if problem.status in (404, 422):
            return _form(view, problem.code, type)
        raise
    return RedirectResponse(f"{HOME}/members/{found.member_id}", 303)


@pages.get("/members/health")
def health(view: Viewing) -> Response:
    """The shape of the whole graph, as the workers tell it now; they are asked for it, so it comes after the page."""
    view.caller.must("members")
    told = worker_metrics.labelled(view.service.settings.home, RESOLVER)
    place = 1 if view.language == "zh" else 0
    shown = graph_health.shown(told, _rules(), lambda words: words[place], view.word("health.members"))
    return view.page("part_health.html", health=shown)


@pages.get("/members/{id}")
def member(view: Viewing, id: MemberId) -> Response:
    try:
        found = api.member(view.service, view.caller, view.request, id)
    except Problem as problem:
        if problem.status == 404:
            return _form(view, problem.code, "phone")
        raise
    return view.page("member.html", member=found, titles=_titles(view), spent=_spent(found), **_charts(view, found))


@pages.get("/members/{id}/graph")
def graph(view: Viewing, id: MemberId) -> Response:
    """The part with the reasons. What is known around has to be read first, so it comes after the page, and may ask again."""
    found = _person(view, id)
    if isinstance(found, Reading):
        return view.page("part_reading.html", id=id, reading=found)
    return view.page("part_graph.html", id=id, drawn=found.drawn() if found else None, at=_at)


@pages.get("/members/{id}/edges")
def edges(
    view: Viewing, id: MemberId, page: Annotated[int, Query(ge=1, le=10_000)] = 1, only: Only = "all"
) -> Response:
    """Every line of the graph in a table, a page at a time."""
    found = _person(view, id)
    if isinstance(found, Reading) or found is None:
        return view.page("edges.html", id=id, reading=found, lines=None)
    chosen = [one for one in found.decisions if only == "all" or bool(one.rule) == (only == "refused")]
    begin = (page - 1) * ROWS
    lines = found.lines(chosen[begin : begin + ROWS])
    pages = max(1, -(-len(chosen) // ROWS))
    return view.page(
        "edges.html", id=id, lines=lines, total=len(chosen), begin=begin, number=page, pages=pages, only=only, at=_at
    )


def _person(view: View, id: str) -> person.Person | Reading | None:
    """A member with reasons; how far they have been read, where that takes a while; None where nobody can tell."""
    view.caller.must("members")
    reasons = view.request.app.state.console.tools.reasons
    nids = [one.nid for one in view.service.live.identifiers(id).records]
    if reasons is None or not nids:
        return None
    found = reasons(nids)
    if isinstance(found, Reading):
        return found
    place = 1 if view.language == "zh" else 0
    names = person.Names(
        own=view.word("member.own"),
        others=view.word("member.others"),
        nobodys=view.word("member.nobodys"),
        unseen=view.word("member.unseen"),
    )
    return person.Person(found, nids, lambda words: words[place], names)


def _form(view: View, wrong: str = "", type: str = "phone") -> Response:
    status = 200 if not wrong else 404 if wrong == "no_such_member" else 422
    return view.page("members.html", status=status, types=ASKED, titles=_titles(view), chosen=type, wrong=wrong)


@cache
def _rules() -> Rules:
    return parse((files("oneid") / "rules.yml").read_text("utf-8"), "oneid/rules.yml")


def _titles(view: View) -> dict[str, str]:
    return {type: str(getattr(one.title, view.language)) for type, one in _rules().identifiers.items()}


def _spent(found: Member) -> dict[str, int]:
    return dict(sorted(found.profile.spend_cents.items(), key=lambda one: (one[0] not in DECIMALS, -one[1])))


def _charts(view: View, found: Member) -> dict[str, Any]:
    """Shops and categories, the most used first."""

    def most(counts: dict[str, int]) -> list[tuple[str, int]]:
        return sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:FEW]

    stores, categories = most(found.profile.stores), most(found.profile.categories)
    name = view.word("member.times")
    drawn = charts.bars([one for one, _ in stores], {name: [times for _, times in stores]}, across=True)
    return {"stores": stores, "categories": categories, "store_chart": drawn}


def _at(second: int) -> str:
    return spelt(datetime.fromtimestamp(second, UTC)) if second else ""
