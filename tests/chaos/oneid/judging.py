"""One case judged: the live resolver, F, and the oracle must say the same."""

from tests.chaos.oneid import oracle
from tests.chaos.oneid.cases import Case, arrivals, drawn

from oneid.evidence import Evidence
from oneid.evidence import Observation
from oneid.resolve import resolve
from oneid.resolver import Resolver


def differences(seed: int, shuffles: int = 1) -> list[str]:
    """What differs in a case: nothing, if all is well."""
    return judged(drawn(seed), shuffles)


def judged(case: Case, shuffles: int) -> list[str]:
    rules = case.parsed
    evidence = Evidence()
    for said in case.said:
        evidence.observe(said, rules.priority) if isinstance(said, Observation) else evidence.rule(said)
    offline = resolve(evidence, rules)
    now = {nid: offline.holder(nid) for nid in evidence.identifiers if offline.holder(nid)}
    turns = {nid: (cut.starts, tuple(offline.births[n] for n in cut.nodes)) for nid, cut in offline.cuts.items()}
    found = []
    holders, births = oracle.judge(case)
    spelt = {nid: _spelt(node) for nid, node in holders.items()}
    if spelt != now or {_spelt(n): _spelt(b) for n, b in births.items()} != offline.births:
        found.append(f"case {case.seed}: F differs from the oracle")
    for shuffle in range(shuffles):
        live = Resolver(rules)
        told: dict[str, str | None] = {}
        for seen, rulings in arrivals(case, shuffle):
            for change in live.apply(seen, rulings):
                if told.get(change.nid) != change.before:
                    found.append(f"case {case.seed}, order {shuffle}: a change starts from what was not told")
                told[change.nid] = change.after
        if dict(live.holders()) != now:
            found.append(f"case {case.seed}, order {shuffle}: the live map differs from F")
        if {k: v for k, v in told.items() if v} != now:
            found.append(f"case {case.seed}, order {shuffle}: the changes do not add up to the map")
        if {nid: (cut.starts, held) for nid, cut, held in live.tenancies()} != turns:
            found.append(f"case {case.seed}, order {shuffle}: the tenancies differ from F")
    return found


def _spelt(node: oracle.Node) -> str:
    return node[0] + (f"#{node[1]}" if node[1] else "")
