"""What `zhongtai rebuild` says last."""

from cli.rebuild import facts, said
from pipelines.rebuild.run import Report
from pipelines.rebuild.states import Compared

EQUAL, SPOILED = Compared("state.order", 10, 0), Compared("state.stock_level", 5, 2, ("a / b",))


def test_what_is_only_compared_says_what_it_always_said() -> None:
    assert facts(Report((EQUAL,), ())) == {"rebuild": "equal", "states": 1, "tables": 0, "rows": 10, "different": 0}
    assert facts(Report((EQUAL, SPOILED), ())) == {
        "rebuild": "different", "states": 2, "tables": 0, "rows": 15, "different": 2,
    }  # fmt: skip


def test_what_was_written_is_told_and_what_was_left() -> None:
    report = Report((EQUAL, SPOILED), (), written=2, left=("log.keep_tags",), sealed=1)
    assert facts(report, write=True) == {
        "rebuild": "written", "states": 2, "tables": 0, "rows": 15, "different": 2,
        "written": 2, "published": 0, "sealed": 1, "left": ["log.keep_tags"],
    }  # fmt: skip
    assert "2 rows of state written" in said(report)
    assert "1 identifiers stand without their cipher" in said(report)
    assert said(report).endswith("again: log.keep_tags.")


def test_new_tables_alone_are_a_mending_too_and_nothing_is_none() -> None:
    assert facts(Report((EQUAL,), (SPOILED,), published=7), write=True)["rebuild"] == "written"
    assert facts(Report((EQUAL,), ()), write=True)["rebuild"] == "equal"
    assert "nothing was written" in said(Report((EQUAL,), ()))
