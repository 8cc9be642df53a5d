"""The graph of a member: what joined the identifiers, and what was refused, by which rule."""

from oneid.evidence import CLASSES
from oneid.resolve import Decision, Edge, Resolution
from oneservice.console import person
from oneservice.console.tools import Tools
from oneservice.service import Service
from tests.oneservice.console.person import MEMBER, PHONE, RULES, reasons
from tests.oneservice.console.visitor import Visitor

CARD, MOBILE, OTHER = "card:" + "a" * 32, "phone:" + "b" * 32, "card:" + "c" * 32
FAR = Decision(Edge(OTHER, "device:" + "d" * 32, CLASSES["C"], 2, 1_700_000_000), "")


def drawn(place: int = 0) -> person.Drawn:
    answer, _ = reasons([CARD, MOBILE])
    answer = Resolution(answer.births, answer.cuts, [*answer.decisions, FAR])
    return person.drawn(answer, RULES, [CARD, MOBILE], lambda words: words[place], ("own", "others"))


def test_what_joined_stands_first_and_what_was_refused_says_why() -> None:
    first, second = drawn().lines
    assert ("aaaa" in first.a, "bbbb" in first.b, first.evidence, first.refused) == (True, True, "declared (B)", "")
    assert second.refused == "Their names cannot be one person's."
    assert drawn(1).lines[1].refused == "双方姓名不可能属于同一人。"


def test_lines_between_other_people_are_left_out() -> None:
    links = drawn().chart["series"][0]["links"]
    assert {(link["source"], link["target"]) for link in links} == {(CARD, MOBILE), (OTHER, CARD)}
    assert [link["lineStyle"]["type"] for link in links] == ["solid", "dashed"]


def test_the_members_own_identifiers_are_told_from_other_peoples() -> None:
    kinds = {node["id"]: node["category"] for node in drawn().chart["series"][0]["data"]}
    assert kinds == {CARD: 0, MOBILE: 0, OTHER: 1}


def test_who_has_a_phone_is_found_without_the_number_in_an_address_or_a_page(service: Service) -> None:
    somebody = Visitor(service, tools=Tools(reasons=reasons))
    sent = somebody.post("/members", type="phone", value=PHONE)
    assert (sent.status_code, sent.headers["location"]) == (303, f"/console/members/{MEMBER}")
    said = somebody.get(f"/members/{MEMBER}", **{"accept-language": "en"}).text
    assert "123.45 CNY" in said
    assert "8000" not in said
    assert "Their names cannot" in somebody.get(f"/members/{MEMBER}/graph", **{"accept-language": "en"}).text
    assert "8000" not in (service.settings.home / "service" / "audit.jsonl").read_text()


def test_who_is_not_known_is_said_on_the_form_without_what_was_typed(service: Service) -> None:
    somebody = Visitor(service)
    unknown = somebody.post("/members", type="phone", value="13900139000")
    assert (unknown.status_code, "13900139000" in unknown.text) == (404, False)
    senseless = somebody.post("/members", type="phone", value="hello")
    assert (senseless.status_code, "hello" in senseless.text) == (422, False)
