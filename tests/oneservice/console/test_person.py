"""The graph of a member: what joined the identifiers, what was refused, and what is nobody's, each with its reason."""

import json
import re
from collections.abc import Callable, Sequence
from html import unescape

import pytest

from oneid.resolve import Decision, Edge, Resolution
from oneid.tenancies import Cut
from oneservice.console import person
from oneservice.console.pages.members import ROWS
from oneservice.console.tools import Tools
from oneservice.live.surroundings import Around, Reading
from oneservice.service import Service
from tests.oneservice.console.person import KIOSK, MEMBER, NOBODYS, PHONE, RULES, SISTER, STRANGER, crowded, reasons
from tests.oneservice.console.visitor import Visitor

CARD, MOBILE = "card:" + "a" * 32, "phone:" + "b" * 32
NAMES = person.Names("own", "others", "nobody's", "unseen")
ENGLISH = {"accept-language": "en"}


def drawn(found: Around, nids: Sequence[str] = (CARD, MOBILE), place: int = 0) -> person.Drawn:
    return person.Person(found, nids, lambda words: words[place], NAMES).drawn()


def test_what_joined_stands_first_and_what_was_refused_says_why() -> None:
    first, *others = drawn(reasons([CARD, MOBILE])).lines
    assert ("aaaa" in first.a, "bbbb" in first.b, first.evidence, first.refused) == (True, True, "declared (B)", "")
    assert [line.refused for line in others] == [
        "Their names cannot be one person's.",
        "This Device stands beside too many people to be anybody's.",
        "This Phone number is blocked: it is nobody's.",
        "A steward ruled that they are two people.",
    ]
    assert [line.steward for line in others] == ["", "", "", "ana, 2026-11-20: two sisters"]
    chinese = [line.refused for line in drawn(reasons([CARD, MOBILE]), place=1).lines[1:]]
    assert chinese[:2] == ["双方姓名不可能属于同一人。", "该设备关联的人过多，不作为任何人的依据。"]


def test_what_is_refused_is_drawn_dashed_and_says_why_where_one_points() -> None:
    links = drawn(reasons([CARD, MOBILE])).chart["series"][0]["links"]
    assert [link["lineStyle"]["type"] for link in links] == ["solid"] + 4 * ["dashed"]
    assert links[1]["value"] == "seen together (C): Their names cannot be one person's."


def test_own_identifiers_other_peoples_and_nobodys_are_told_apart_by_kind_and_shape() -> None:
    series = drawn(reasons([CARD, MOBILE])).chart["series"][0]
    kinds = {node["id"]: node["category"] for node in series["data"]}
    assert kinds == {CARD: 0, MOBILE: 0, STRANGER: 1, SISTER: 1, KIOSK: 2, NOBODYS: 2}
    assert len({kind["symbol"] for kind in series["categories"]}) == 3


def test_an_identifier_of_the_same_person_is_the_members_own_also_when_the_map_does_not_know_it_yet() -> None:
    kinds = {node["id"]: node["category"] for node in drawn(reasons([CARD, MOBILE]), [CARD]).chart["series"][0]["data"]}
    assert (kinds[MOBILE], kinds[STRANGER]) == (0, 1)


def test_identifiers_that_are_nobodys_or_recycled_are_listed_with_the_reason() -> None:
    found = reasons([CARD, MOBILE])
    cut = Cut((20_000,), (MOBILE, f"{MOBILE}#1"))
    marks = drawn(found._replace(answer=found.answer._replace(cuts={MOBILE: cut}))).marks
    assert [(mark.label, mark.words) for mark in marks] == [
        ("Phone number bbbb #1", "This Phone number has had 2 owners in turn; this is the last one's."),
        ("Device eeee", "This Device stands beside too many people to be anybody's."),
        ("Phone number ffff", "This Phone number is blocked: it is nobody's."),
    ]


@pytest.mark.parametrize(
    ("joined", "refused", "expected"), [(10, 3, (10, 3)), (500, 0, (60, 0)), (500, 9, (51, 9)), (500, 500, (30, 30))]
)
def test_of_very_many_lines_some_of_each_sort_are_drawn_and_the_others_counted(
    joined: int, refused: int, expected: tuple[int, int]
) -> None:
    found = drawn(crowded(CARD, joined, refused), [CARD])
    shown = [sum(bool(line.refused) == sort for line in found.lines) for sort in (False, True)]
    assert (tuple(shown), found.left) == (expected, joined + refused - sum(expected))
    assert len(found.chart["series"][0]["links"]) == len(found.lines)


def test_a_pair_that_was_forbidden_before_it_was_seen_says_so() -> None:
    unseen = Around(Resolution({CARD: CARD}, {}, []), RULES, (Decision(Edge(CARD, SISTER, 0, 0, 0), "cannot_link"),))
    (line,) = drawn(unseen, [CARD]).lines
    assert (line.evidence, line.support, line.first) == ("unseen", "", 0)


def test_who_has_a_phone_is_found_without_the_number_in_an_address_or_a_page(service: Service) -> None:
    somebody = Visitor(service, tools=Tools(reasons=reasons))
    sent = somebody.post("/members", type="phone", value=PHONE)
    assert (sent.status_code, sent.headers["location"]) == (303, f"/console/members/{MEMBER}")
    said = somebody.get(f"/members/{MEMBER}", **ENGLISH).text
    assert "123.45 CNY" in said
    assert "8000" not in said
    assert "Their names cannot" in somebody.get(f"/members/{MEMBER}/graph", **ENGLISH).text
    assert "8000" not in (service.settings.home / "service" / "audit.jsonl").read_text()


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            (
                "too many people",
                "is blocked",
                "A steward ruled",
                "two sisters",
                "6 pieces of evidence; 4 of them do not join.",
            ),
        ),
        ("zh", ("关联的人过多", "已被屏蔽", "管理员已裁定", "two sisters", "共 6 条证据，其中 4 条不相连。")),
    ],
)
def test_the_page_says_every_reason_in_the_readers_language(
    service: Service, language: str, words: tuple[str, ...]
) -> None:
    said = Visitor(service, tools=Tools(reasons=reasons)).get(
        f"/members/{MEMBER}/graph", **{"accept-language": language}
    )
    assert [word for word in words if word not in said.text] == []
    (option,) = re.findall(r'data-option="([^"]+)"', said.text)
    assert len(json.loads(unescape(option))["series"][0]["links"]) == 6
    assert "/edges" not in said.text  # all are drawn


def test_what_is_not_drawn_is_counted_and_stands_in_a_table_a_page_at_a_time(service: Service) -> None:
    somebody = Visitor(service, tools=Tools(reasons=lambda _: crowded(CARD, 250, 40)))
    part = somebody.get(f"/members/{MEMBER}/graph", **ENGLISH).text
    assert "60 are drawn; 230 more are not." in part
    assert f'href="/console/members/{MEMBER}/edges"' in part

    def rows(query: str) -> int:
        return somebody.get(f"/members/{MEMBER}/edges{query}", **ENGLISH).text.count('<th scope="row"')

    assert [rows(f"?page={n}") for n in (1, 2, 3, 4)] == [ROWS, ROWS, 90, 0]
    assert [rows(f"?only={only}") for only in ("joined", "refused")] == [ROWS, 40]
    last = somebody.get(f"/members/{MEMBER}/edges?page=3", **ENGLISH).text
    assert "201–290 of 290" in last
    assert ('rel="prev"' in last, 'rel="next"' in last) == (True, False)
    assert somebody.get(f"/members/{MEMBER}/edges?page=0").status_code == 422


def test_while_the_evidence_is_read_the_part_says_how_far_and_asks_again(service: Service) -> None:
    answers: list[Around | Reading] = [Reading(2_000, 5_000), reasons([CARD, MOBILE])]
    asked: Callable[[Sequence[str]], Around | Reading] = lambda _: answers.pop(0)  # noqa: E731
    somebody = Visitor(service, tools=Tools(reasons=asked))
    part = somebody.get(f"/members/{MEMBER}/graph", **ENGLISH).text
    assert "2,000 of 5,000" in part
    assert 'hx-trigger="load delay' in part
    assert "data-option" in somebody.get(f"/members/{MEMBER}/graph", **ENGLISH).text


def test_what_was_not_read_to_the_end_is_said(service: Service) -> None:
    somebody = Visitor(service, tools=Tools(reasons=lambda nids: reasons(nids)._replace(whole=False)))
    assert "More is connected" in somebody.get(f"/members/{MEMBER}/graph", **ENGLISH).text


def test_who_may_not_look_members_up_sees_no_evidence(service: Service) -> None:
    somebody = Visitor(service, "marketer", tools=Tools(reasons=reasons))
    assert [somebody.get(f"/members/{MEMBER}/{part}").status_code for part in ("graph", "edges")] == [403, 403]


def test_who_is_not_known_is_said_on_the_form_without_what_was_typed(service: Service) -> None:
    somebody = Visitor(service)
    unknown = somebody.post("/members", type="phone", value="13900139000")
    assert (unknown.status_code, "13900139000" in unknown.text) == (404, False)
    senseless = somebody.post("/members", type="phone", value="hello")
    assert (senseless.status_code, "hello" in senseless.text) == (422, False)
