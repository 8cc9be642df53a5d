"""Reading elements of POSLog: what is there, what is missing, and what is no amount. Pure."""

from typing import Any

from contracts.money import minor
from contracts.refusals import Refused

NAMESPACE = "http://www.nrf-arts.org/IXRetail/namespace/"


class Wrong(Exception):
    """Carries a refusal out of nested reading; it never leaves `connectors.pos.poslog.decode`."""

    def __init__(self, code: str, place: str = "") -> None:
        self.refused = Refused(code, place)


def find(element: Any, name: str) -> Any:
    return element.find(f"{{{NAMESPACE}}}{name}")


def single(element: Any, name: str, place: str = "") -> Any:
    """The element of a name that may be there once; None when it is not there. Of two, nobody can tell which one counts."""
    found = every(element, name)
    if len(found) > 1:
        raise Wrong("written_twice", place + name)
    return found[0] if found else None


def every(element: Any, name: str) -> list[Any]:
    found: list[Any] = element.findall(f"{{{NAMESPACE}}}{name}")
    return found


def words(element: Any) -> str:
    return (element.text or "").strip()


def optional(element: Any, name: str, place: str = "") -> str | None:
    found = single(element, name, place)
    return None if found is None else words(found) or None


def text(element: Any, name: str, place: str = "") -> str:
    found = optional(element, name, place)
    if found is None:
        raise Wrong("missing", place + name)
    return found


def money(element: Any, name: str, currency: str, place: str) -> int:
    found = single(element, name, f"{place}/")
    if found is None or not words(found):
        raise Wrong("missing", f"{place}/{name}")
    if len(found):  # the words before the first child would be a part of the number
        raise Wrong("bad_amount", f"{place}/{name}")
    if found.get("Currency", currency) != currency:
        raise Wrong("mixed_currencies", f"{place}/{name}")
    amount = minor(words(found), currency)
    if amount is None:
        raise Wrong("bad_amount", f"{place}/{name}")
    return amount


def flag(element: Any, name: str) -> bool:
    return element.get(name, "").strip().lower() in ("true", "1")
