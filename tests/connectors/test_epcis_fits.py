"""The quick answer to GS1's schema is the library's own: the same verdict and the same place, for good and damaged events."""

import random
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft7Validator
from jsonschema.validators import extend

from connectors.json_text import parsed
from connectors.strict_json import unreadable
from connectors.wms import epcis, schema
from connectors.wms.fits import Parts, distinct
from contracts.refusals import Refused
from tests.chaos.fuzz.breed import bred
from tests.chaos.fuzz.decoders import DECODERS

GS1 = [path for path in sorted((Path(__file__).parent / "epcis").glob("*.json")) if path.name != "hashes.json"]


@cache
def examples() -> tuple[bytes, ...]:
    """What GS1 publishes, our own examples, and their events one by one."""
    whole = (
        *(path.read_bytes() for path in GS1),
        *DECODERS["epcis"]().examples,
        *DECODERS["epcis-document"]().examples,
    )
    events = (split for one in whole if not isinstance(split := epcis.split(one), Refused))
    return (*whole, *(event for split in events for event in split))


@cache
def _library() -> Any:
    """The library as it comes, but for the search of repeated items, which it does pair by pair."""
    plain = extend(Draft7Validator, {"uniqueItems": schema._unique})
    return plain(schema._schema(), format_checker=schema._FORMATS)


def _explained(value: dict[str, Any]) -> Refused | None:
    error = next(_library().evolve(schema=schema._rules(value).schema).iter_errors(value), None)
    return None if error is None else schema._refused(error)


def _hostile(count: int) -> list[dict[str, Any]]:
    dice = random.Random()
    found: list[dict[str, Any]] = []
    for n in range(count):
        dice.seed(n)
        text = bred(dice, n, examples(), as_json=True)
        value = None if unreadable(text) else parsed(text)
        found += [value] if isinstance(value, dict) else []
    return found


def test_the_quick_answer_is_that_of_the_library() -> None:
    values = [msgspec.json.decode(text) for text in examples()] + _hostile(2_000)
    said = [schema.broken(value) for value in values]
    assert said == [_explained(value) for value in values]
    assert said.count(None) > 100
    assert len({one.code for one in said if one}) > 8


@pytest.mark.parametrize(
    ("schema_", "good", "bad"),
    [({"type": "number"}, [1, 1.5], [True, "1", None]),
     ({"required": ["a"]}, [{"a": 1, "b": 1}, []], [{}, {"b": 1}]),
     ({"properties": {"a": {"type": "string"}}, "additionalProperties": False}, [{"a": ""}, {}, 1], [{"a": 1}, {"b": 1}]),
     ({"propertyNames": {"pattern": "^a"}}, [{}, {"ab": 1}, "b"], [{"ab": 1, "b": 1}]),
     ({"items": {"enum": ["a", "b"]}, "minItems": 1, "uniqueItems": True}, [["a"], ["b", "a"], {}], [[], ["a", "a"], ["a", 1]]),
     ({"if": {"type": "string"}, "then": {"enum": ["a"]}}, ["a", 1], ["b"]),
     ({"not": {"anyOf": [{"type": "array"}, {"type": "boolean"}]}}, [1, {}], [[], True]),
     ({"allOf": [{"type": "string"}, {"format": "short"}]}, ["a"], ["abc", 1]),
     ({"$ref": "#/definitions/a", "type": "number"}, ["a"], [1])],
)  # fmt: skip
def test_each_keyword_means_what_draft_7_says(schema_: dict[str, Any], good: list[Any], bad: list[Any]) -> None:
    root = {"definitions": {"a": {"type": "string"}}}
    fits = Parts(root, {"short": lambda value: len(value) < 2}).fits(schema_)
    assert [fits(value) for value in good] == [True] * len(good)
    assert [fits(value) for value in bad] == [False] * len(bad)


@pytest.mark.parametrize("schema_", [{"maxItems": 1}, {"additionalProperties": {}, "properties": {}}, {"enum": [1]}])
def test_a_keyword_that_is_not_known_is_not_passed_over(schema_: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="here"):
        Parts({}, {}).fits(schema_)


def test_items_are_distinct_as_json() -> None:
    assert distinct([{"a": 1, "b": 2}, {"a": 1}, "a", 1])
    assert not distinct([{"a": 1, "b": 2}, {"b": 2, "a": 1}])


def test_a_context_that_each_event_would_carry_has_an_end() -> None:
    document = msgspec.json.decode(DECODERS["epcis-document"]().examples[0])
    event = document["epcisBody"]["eventList"][0]
    many = document | {"epcisBody": {"eventList": [event] * 600}}
    own = [*many["@context"], {"a": "b" * 60_000}]
    assert isinstance(epcis.split(msgspec.json.encode(many)), list)
    assert epcis.split(msgspec.json.encode(many | {"@context": own})) == Refused("too_large", "@context")
    names = [*many["@context"], *(f"urn:x:{n}" for n in range(epcis.MOST_CONTEXTS))]
    assert epcis.split(msgspec.json.encode(document | {"@context": names})) == Refused("too_large", "@context")


def test_a_hundred_thousand_names_of_a_vocabulary_are_looked_up_and_not_searched() -> None:
    """With a search of each among all this would take an hour."""
    event = msgspec.json.decode(DECODERS["epcis"]().examples[0])
    names = {f"p{n}": "https://zhongtai.dev/epcis/" for n in range(100_000)}
    others = {f"q{n}:x": 1 for n in range(100_000)}
    event["@context"] = [*event["@context"], names]
    assert not isinstance(epcis.decode(msgspec.json.encode(event | others)), Refused)
    wrong = epcis.decode(msgspec.json.encode(event | others | {"p99999:countStat": "x"}))
    assert wrong == Refused("epcis_field", "countStat")
