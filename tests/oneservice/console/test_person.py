"""The graph of a member: what joined the identifiers, and what was refused, by which rule."""

from importlib.resources import files

from oneid.evidence import CLASSES
from oneid.resolve import Decision, Edge, Resolution
from oneid.rules import parse
from oneservice.console import person

RULES = parse((files("oneid") / "rules.yml").read_text("utf-8"), "oneid/rules.yml")
CARD, PHONE, OTHER = "card:" + "a" * 32, "phone:" + "b" * 32, "card:" + "c" * 32
JOINED = Decision(Edge(CARD, PHONE, CLASSES["B"], 1, 1_700_000_000), "")
REFUSED = Decision(Edge(OTHER, PHONE, CLASSES["C"], 2, 1_700_000_000), "name")
FAR = Decision(Edge(OTHER, "device:" + "d" * 32, CLASSES["C"], 2, 1_700_000_000), "")
ANSWER = Resolution({CARD: CARD, PHONE: CARD, OTHER: OTHER}, {}, [REFUSED, JOINED, FAR])


def drawn(place: int = 0) -> person.Drawn:
    return person.drawn(ANSWER, RULES, [CARD, PHONE], lambda words: words[place], ("own", "others"))


def test_what_joined_stands_first_and_what_was_refused_says_why() -> None:
    first, second = drawn().lines
    assert (first.a, first.b, first.evidence, first.refused) == ("Card aaaa", "Phone bbbb", "declared (B)", "") or (
        first.refused == "" and "aaaa" in first.a + first.b
    )
    assert second.refused == "Their names cannot be one person's."
    assert drawn(1).lines[1].refused == "双方姓名不可能属于同一人。"


def test_lines_between_other_people_are_left_out() -> None:
    links = drawn().chart["series"][0]["links"]
    assert {(link["source"], link["target"]) for link in links} == {(CARD, PHONE), (OTHER, PHONE)}
    assert [link["lineStyle"]["type"] for link in links] == ["solid", "dashed"]


def test_the_members_own_identifiers_are_told_from_other_peoples() -> None:
    kinds = {node["id"]: node["category"] for node in drawn().chart["series"][0]["data"]}
    assert kinds == {CARD: 0, PHONE: 0, OTHER: 1}
