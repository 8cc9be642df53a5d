import copy
import json
from pathlib import Path

import pytest

from contracts.schemas import broken, schemas

PUBLISHED = Path(__file__).parents[2] / "docs" / "schemas"


@pytest.mark.parametrize("name", sorted(schemas()))
def test_a_published_schema_only_ever_gains_optional_fields(name):
    published = json.loads((PUBLISHED / name).read_text())
    assert broken(published, schemas()[name]) == []


def test_no_published_schema_has_disappeared():
    assert {path.name for path in PUBLISHED.glob("*.json")} == set(schemas())


@pytest.fixture
def receipt():
    return schemas()["event.receipt.v1.json"]


def test_an_optional_field_may_be_added(receipt):
    later = copy.deepcopy(receipt)
    later["$defs"]["Receipt"]["properties"]["weather"] = {"type": "string", "default": ""}
    assert broken(receipt, later) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda fields, _: fields.pop("total_cents"),
        lambda fields, _: fields.update(total_cents={"type": "number"}),
        lambda fields, record: record["required"].append("original_id"),
        lambda fields, _: fields["lines"].update(items={"type": "string"}),
    ],
    ids=["removed", "retyped", "now required", "another item"],
)
def test_any_other_change_is_refused(receipt, change):
    later = copy.deepcopy(receipt)
    record = later["$defs"]["Receipt"]
    change(record["properties"], record)
    assert broken(receipt, later) != []
