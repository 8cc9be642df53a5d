"""Short words for identity tests: identifiers by type and letter, days by number."""

import hashlib
from pathlib import Path

import oneid
from oneid.evidence import CLASSES, DAY_S, Evidence, Observation, Ruling
from oneid.names import name_tokens
from oneid.resolve import Resolution, resolve
from oneid.rules import Rules, parse

RULES: Rules = parse((Path(oneid.__path__[0]) / "rules.yml").read_text("utf-8"), "rules.yml")
START = 19_000


def nid(short: str) -> str:
    """`card.a` → a nid."""
    type = short.split(".", maxsplit=1)[0]
    return f"{type}:{hashlib.sha256(short.encode()).hexdigest()[:32]}"


def seen(cls: str, *shorts: str, day: int = 0, name: str = "", model: int = 0, score: int = 0) -> Observation:
    tokens = (name_tokens(name, b"test") or "") if name else ""
    return Observation((START + day) * DAY_S, CLASSES[cls], tuple(map(nid, shorts)), tokens, model, score)


def said(kind: str, a: str, b: str = "", seq: int = 1, stands: bool = True, id: str = "") -> Ruling:
    return Ruling(id or f"{kind} {a} {b}", seq, kind, nid(a), nid(b) if b else "", stands)  # type: ignore[arg-type]


def resolved(*facts: Observation | Ruling, rules: Rules = RULES) -> Resolution:
    evidence = Evidence()
    for fact in facts:
        if isinstance(fact, Observation):
            evidence.observe(fact, rules.priority)
        else:
            evidence.rule(fact)
    return resolve(evidence, rules)


def same(found: Resolution, a: str, b: str) -> bool:
    return found.holder(nid(a)) == found.holder(nid(b)) is not None


def why(found: Resolution, a: str, b: str) -> str:
    """The rule that refused the edge; empty when it joined."""
    return next(d.rule for d in found.decisions if {d.edge.a, d.edge.b} == {nid(a), nid(b)})
