"""One case judged: the live resolver, also when it is made again from what was stored, F, and the oracle must say the same."""

from oneid import packed
from oneid.evidence import Evidence, Observation, Ruling
from oneid.resolve import resolve
from oneid.resolver import Resolver
from tests.chaos.oneid import oracle
from tests.chaos.oneid.cases import Case, arrivals, drawn
from tests.chaos.oneid.restarts import Log, points

packed.FRESH_ROWS = 8  # so that a few rows fold into one another as millions do


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
        live, told, wrong = _played(case, shuffle)
        if dict(live.holders()) != now:
            wrong.append("the live map differs from F")
        if {k: v for k, v in told.items() if v} != now:
            wrong.append("the changes do not add up to the map")
        if _turns(live) != turns:
            wrong.append("the tenancies differ from F")
        found += [f"case {case.seed}, order {shuffle}: {what}" for what in wrong]
    return found + _sharded(case, now)


def _played(case: Case, shuffle: int) -> tuple[Resolver, dict[str, str | None], list[str]]:
    """The live resolver after one order of the case, with restarts in the middle; what it told; and what was wrong on the way.

    The first order has a restart at least. A resolver that is made again must know whose is whose as the one before it did.
    """
    rules = case.parsed
    live, log = Resolver(rules), Log(rules)
    told: dict[str, str | None] = {}
    wrong = []
    batches = arrivals(case, shuffle)
    restarts = points(f"{case.seed} {shuffle}", len(batches), least=1 if shuffle == 0 else 0)
    for done, (seen, rulings) in enumerate(batches, 1):
        for change in live.apply(seen, rulings):
            if told.get(change.nid) != change.before:
                wrong.append("a change starts from what was not told")
            told[change.nid] = change.after
        log.take(seen, rulings)
        if done in restarts:
            before, live = live, log.restarted()
            if dict(live.holders()) != dict(before.holders()) or _turns(live) != _turns(before):
                wrong.append(f"after {done} of {len(batches)} batches a restart changes the map")
    return live, told, wrong


def _turns(live: Resolver) -> dict[str, tuple[tuple[int, ...], tuple[str, ...]]]:
    return {nid: (cut.starts, held) for nid, cut, held in live.tenancies()}


def _sharded(case: Case, now: dict[str, str | None]) -> list[str]:
    """Evidence that nothing connects, in two shards that know nothing of each other: together the same map."""
    rules = case.parsed
    shards = Resolver(rules), Resolver(rules)
    for part in _parts(case):
        live = shards[part[0].at % 2 if part and isinstance(part[0], Observation) else 0]
        seen = [s for s in part if isinstance(s, Observation)]
        live.apply(seen, [s for s in part if not isinstance(s, Observation)])
    for live in shards:
        # Every shard hears of the newest model, whoever holds its scores.
        live.apply(
            [Observation(s.at, s.cls, (), "", s.model) for s in case.said if isinstance(s, Observation) and s.model]
        )
    both = dict(shards[0].holders()) | dict(shards[1].holders())
    return [] if both == now else [f"case {case.seed}: two shards differ from F"]


def _parts(case: Case) -> list[list[Observation | Ruling]]:
    """What is said, parted so that no identifier is in two parts."""
    parts: list[tuple[set[str], list[Observation | Ruling]]] = []
    for said in case.said:
        nids = set(said.nids) if isinstance(said, Observation) else {said.a, said.b} - {""}
        # Words with one id replace each other, so they stay together.
        nids |= {said.id} if isinstance(said, Ruling) else set()
        touched = [part for part in parts if part[0] & nids]
        parts = [part for part in parts if not part[0] & nids]
        parts.append((nids.union(*(p[0] for p in touched)), [s for p in touched for s in p[1]] + [said]))
    return [part for _, part in parts]


def _spelt(node: oracle.Node) -> str:
    return node[0] + (f"#{node[1]}" if node[1] else "")
