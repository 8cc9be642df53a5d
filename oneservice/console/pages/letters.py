"""Dead letters: how many and why, one of them, and its mended form sent back."""

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

from fastapi import Form, Path, Query, Response

from connectors.dead_letters import Letter
from connectors.feeds import FEEDS
from contracts.errors import NotReady
from contracts.refusals import REASONS, Refused
from oneservice.console import charts
from oneservice.console.page import View, Viewing, router
from oneservice.console.pages.shown import marts, seen
from oneservice.problems import Problem

pages = router()

MOST = 200
DRAWN = 12
LONGEST = 200_000
COUNTS_SQL = """
    SELECT feed, code, status, sum(dead_letters)::BIGINT AS letters FROM ads_dead_letter GROUP BY ALL
"""
Feed = Annotated[str, Path(max_length=20)]
Id = Annotated[str, Path(pattern="^[0-9A-Za-z-]{1,64}$")]


class Open(NamedTuple):
    """Letters that nobody has repaired yet, by feed. `now`: as Kafka had them lately, else as the last publication has them."""

    feeds: Mapping[str, int] | None
    now: bool

    @property
    def letters(self) -> int | None:
        return None if self.feeds is None else sum(self.feeds.values())


def totals(view: View) -> Open:
    """For the first page: it waits for nobody. None for a role that does not see them."""
    lately = view.request.app.state.console.letters.lately()
    if lately and (view.caller.defined is None or "letters" in view.caller.defined.live):
        every = lately.letters.items()
        return Open({feed: sum(one.status == "refused" for one in of.values()) for feed, of in every}, now=True)
    try:
        with marts(view) as of:
            if not of.sees("ads_dead_letter"):
                return Open(None, now=False)
            refused: Counter[str] = Counter()
            for row in of.rows(COUNTS_SQL):
                refused[row["feed"]] += row["letters"] if row["status"] == "refused" else 0
            return Open(refused, now=False)
    except (NotReady, Problem):
        return Open(None, now=False)


@pages.get("/letters")
def letters(
    view: Viewing,
    feed: Annotated[str, Query(max_length=20)] = "",
    code: Annotated[str, Query(max_length=60)] = "",
    repaired: Annotated[bool, Query()] = False,
) -> Response:
    """What was refused, as Kafka has it now; only the numbers, of the last publication, when Kafka does not answer."""
    view.caller.must("letters")
    read = view.request.app.state.console.letters.read()
    every = [(name, one) for name, of in read.letters.items() for one in of.values()]
    counts = _counts(every) if every or not read.wrong else _published(view)
    wanted = [
        _told(view, name, one)
        for name, one in every
        if feed in ("", name) and code in ("", one.refused.code) and (repaired or one.status == "refused")
    ]
    wanted.sort(key=lambda row: row["refused_at"], reverse=True)
    seen(view, min(len(wanted), MOST))
    facts = {"feed": feed, "code": code, "repaired": repaired, "feeds": FEEDS, "wrong": read.wrong, "do": read.do}
    reasons = _reasons(view, counts)
    facts |= {"reasons": reasons, "letters": wanted[:MOST], "more": max(0, len(wanted) - MOST)}
    return view.page("letters.html", **facts, chart=_chart(view, reasons))


@pages.get("/letters/{feed}/{id}")
def letter(view: Viewing, feed: Feed, id: Id) -> Response:
    view.caller.must("letters")
    return view.page("letter.html", **_one(view, feed, id), text=None, done=None)


@pages.post("/letters/{feed}/{id}/reveal")
def reveal(view: Viewing, feed: Feed, id: Id) -> Response:
    """What came, in clear, ready to be mended. It may hold personal data; the audit log says who looked."""
    view.caller.must("replay")
    facts = _one(view, feed, id)
    came = view.request.app.state.console.letters.reveal(feed, facts["found"])
    seen(view, 1)
    return view.page("letter.html", **facts, text=None if came is None else came.decode("utf-8", "replace"), done=None)


@pages.post("/letters/{feed}/{id}/mend")
def mend(view: Viewing, feed: Feed, id: Id, mended: Annotated[str, Form(max_length=LONGEST)] = "") -> Response:
    view.caller.must("replay")
    console = view.request.app.state.console
    facts = _one(view, feed, id)
    if console.tools.formats is None:
        raise Problem(503, "no_replay", "", "")
    # Browsers send lines of a form with \r\n; a record of several lines came with \n.
    record = mended.replace("\r\n", "\n").strip().encode()
    by = f"console:{view.caller.name}"
    done = console.letters.send(feed, facts["found"], record, console.tools.formats(feed), by)
    faults = [{"place": one.place, "reason": one.reason(view.language)} for _, one in done.faults]
    return view.page("letter.html", **facts, text=mended, done={"sent": done.replayed, "faults": faults})


def _one(view: View, feed: str, id: str) -> dict[str, Any]:
    read = view.request.app.state.console.letters.read()
    if read.wrong:
        raise NotReady(read.wrong, read.do)
    found = read.letters.get(feed, {}).get(id)
    if found is None:
        raise Problem(404, "no_letter", "", "")
    may = view.caller.defined is None or "replay" in view.caller.defined.live
    return {"found": found, "letter": _told(view, feed, found), "may": may}


def _told(view: View, feed: str, letter: Letter) -> dict[str, Any]:
    one = letter.refused
    origin = f"{one.origin.file}:{one.origin.line}" if one.origin.file else ""
    return {
        "feed": feed,
        "id": one.id,
        "code": one.code,
        "reason": Refused(one.code, one.place).reason(view.language),
        "place": one.place,
        "origin": origin,
        "refused_at": one.refused_at,
        "status": letter.status,
        "kept": bool(one.cipher),
    }


Counts = Counter[tuple[str, str, str]]  # feed, code, status


def _counts(every: list[tuple[str, Letter]]) -> Counts:
    return Counter((feed, one.refused.code, one.status) for feed, one in every)


def _published(view: View) -> Counts:
    try:
        with marts(view) as of:
            rows = of.rows(COUNTS_SQL) if of.sees("ads_dead_letter") else []
    except NotReady:
        rows = []
    return Counter({(row["feed"], row["code"], row["status"]): row["letters"] for row in rows})


def _reasons(view: View, counts: Counts) -> list[dict[str, Any]]:
    """A row for each feed and reason, the most open first."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for (feed, code, status), letters in counts.items():
        said = Refused(code).reason(view.language) if code in REASONS else code
        row = found.setdefault((feed, code), {"feed": feed, "code": code, "reason": said, "refused": 0, "repaired": 0})
        row[status] = row.get(status, 0) + letters
    return sorted(found.values(), key=lambda row: (-row["refused"], row["feed"], row["code"]))


def _chart(view: View, reasons: list[dict[str, Any]]) -> charts.Option:
    """The reasons that refuse most, with what became of their letters."""
    drawn = reasons[:DRAWN]
    names = [f"{row['feed']} {row['code']}" for row in drawn]
    series = {view.word(f"letters.{status}"): [row[status] for row in drawn] for status in ("refused", "repaired")}
    return charts.bars(names, series, across=True, stacked=True)
