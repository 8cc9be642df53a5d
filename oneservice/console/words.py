"""The words of the pages, in both languages, from `words.yml`; and which language somebody reads."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from fastapi import Request

LANGUAGES = ("zh", "en")
COOKIE = "zhongtai_language"


def language(request: Request) -> str:
    """The language of the switch (a cookie), else the first of the browser's that we have, else English."""
    chosen = request.cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    return preferred(request.headers.get("accept-language", ""))


def preferred(accepted: str) -> str:
    """The best of our languages by a header Accept-Language (RFC 9110). What cannot be read counts as not there."""
    found = []
    for place, part in enumerate(accepted.split(",")):
        name, _, weight = part.strip().partition(";q=")
        short = name.partition("-")[0].lower()
        if short in LANGUAGES:
            found.append((-_weight(weight), place, short))
    return min(found)[2] if found else "en"


def _weight(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0


def word(language: str, key: str, **values: object) -> str:
    """The words of a key, with `{name}` replaced. A key that does not exist is our mistake: `KeyError`."""
    said = catalogue()[key][language]
    return said.format(**values) if values else said


def has(key: str) -> bool:
    return key in catalogue()


@cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    from ruamel.yaml import YAML  # 0.1 s, once

    text = (files("oneservice.console") / "words.yml").read_text("utf-8")
    found: Mapping[str, Mapping[str, str]] = YAML(typ="safe").load(text)
    return found
