"""The health of the graph on the members' page: counts, from workers that answer."""

import re
from collections.abc import Iterator
from typing import Any, cast

import pytest

from oneid.shape import Shape
from oneservice.console import graph_health
from oneservice.service import Service
from pipelines.batch import Effects, Job, Telling
from pipelines.batch.engine import Engine
from pipelines.batch.metrics import serve
from pipelines.identity.graph_metrics import GRAPH, samples
from tests.oneservice.console.person import RULES
from tests.oneservice.console.visitor import Visitor

SHAPE = Shape(
    identifiers={"phone": 1_200, "card": 900},
    members={"1": 500, "3": 400, "6-10": 50},
    largest=9,
    generic={"device": 7},
    recycled=12,
    refused={"name": 30, "limit:phone/4w": 41, "limit:pigeon/3w": 2},
)


def told(shape: Shape) -> graph_health.Told:
    found: dict[str, dict[str, float]] = {}
    for one in samples(shape):
        found.setdefault(one.name, {})[",".join(one.labels)] = one.value
    return found


@pytest.fixture
def worker(service: Service) -> Iterator[None]:
    """A worker that tells of this graph, in the home of the service."""
    job = Job(
        name="resolve_members",
        inputs=("t",),
        step=lambda _, __: Effects({}),
        prepare=lambda _: [],
        tells=Telling(GRAPH, lambda: samples(SHAPE)),
    )
    engine = Engine(job, cast(Any, None), interval_s=1, seek=lambda *_: None)
    note = service.settings.home / "worker" / "a.json"
    serve(lambda: [(job.name, engine)], "127.0.0.1:0", note)
    yield
    note.unlink()


def test_the_words_are_those_of_the_types_and_rules_the_most_first() -> None:
    found = graph_health.shown(told(SHAPE), RULES, lambda words: words[0], "Members")
    assert found is not None
    assert (found.identifiers, found.members, found.largest, found.recycled) == (2_100, 950, 9, 12)
    assert found.types == [("Phone number", 1_200), ("Member card", 900)]
    assert found.sizes == [("1", 500), ("2", 0), ("3", 400), ("4", 0), ("5", 0), ("6-10", 50)]
    assert found.generic == [("Device", 7)]
    assert [count for _, count in found.refused] == [41, 30, 2]
    assert "within 4 weeks" in found.refused[0][0]
    assert found.refused[2][0] == "limit:pigeon/3w"
    assert found.chart["series"][0]["data"] == [500, 0, 400, 0, 0, 50]


def test_a_graph_without_anybody_is_shown_as_empty_and_silence_as_silence() -> None:
    empty = graph_health.shown(told(Shape({}, {}, 0, {}, 0, {})), RULES, lambda words: words[0], "Members")
    assert empty is not None
    assert (empty.members, empty.each, empty.refused) == (0, 0.0, [])
    assert graph_health.shown({}, RULES, lambda words: words[0], "Members") is None


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Largest member", "Phone number", "Their names cannot be one person&#39;s.")),
        ("zh", ("最大会员", "手机号", "双方姓名不可能属于同一人。")),
    ],
)
def test_the_page_asks_for_the_graph_and_shows_it(service: Service, language: str, words: tuple[str, ...]) -> None:
    somebody = Visitor(service)
    assert 'hx-get="/console/members/health"' in somebody.get("/members").text
    said = somebody.get("/members/health", **{"accept-language": language}).text
    assert [word for word in words if word not in said] == []
    rows = dict(re.findall(r'<th scope="row">([^<]+)</th><td class="n">([\d,]+)</td>', said))
    assert (rows["6-10"], rows[words[1]], rows[words[2]]) == ("50", "1,200", "30")
    assert "data-option" in said


def test_no_worker_that_answers_is_said(service: Service) -> None:
    said = Visitor(service).get("/members/health", **{"accept-language": "en"}).text
    assert "No worker answers" in said
    assert "<table" not in said


def test_who_may_not_look_members_up_is_not_told_of_the_graph(service: Service) -> None:
    assert Visitor(service, "marketer").get("/members/health").status_code == 403
