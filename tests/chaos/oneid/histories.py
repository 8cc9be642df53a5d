"""Random histories of events, un-merges and erasures: every profile equals a rebuild from the log, bit for bit.

`python -m tests.chaos.oneid.histories --cases 10000 --seed 1`; a run is a line in bench/chaos-oneid-profiles.jsonl.

The rebuild is F over the facts of the log without what was erased or forbidden, and sums written down anew, each event at its
strongest identifier. Now and then the live resolver is made again from what was stored, as after a restart.
"""

import argparse
import json
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from rich.console import Console
from rich.progress import track

from contracts.members import Claim, Consent, Seen, Sums
from oneid.evidence import LIKELY, Evidence, Observation, Ruling, strongest
from oneid.profiles import Profiles, plus, sku_hash, written
from oneid.resolve import resolve
from oneid.resolver import Resolver
from tests.chaos.oneid import records
from tests.chaos.oneid.cases import drawn
from tests.chaos.oneid.restarts import Log, points
from tests.chaos.oneid.run import commit
from tests.chaos.run import ROOT

RESULTS = ROOT / "bench" / "chaos-oneid-profiles.jsonl"
JUDGED = ("oneid", "centers/orders", "pipelines/jobs", "tests/chaos/oneid")
CHUNK = 100
Step = tuple[Observation, Sums] | Ruling


def history(seed: int) -> tuple[Any, list[Step]]:
    """The rules, and what happens: events with what they add, and rulings, in a random order."""
    case, dice = drawn(seed), random.Random(f"history {seed}")
    events = [e for e in case.said if isinstance(e, Observation) and len(e.nids) <= 4]
    # A case may hold nothing but stars: then there are no events, and rulings of what they show.
    shown = events or [e for e in case.said if isinstance(e, Observation)]
    nids = sorted({nid for event in shown for nid in event.nids})
    steps: list[Step] = [(event, _sums(dice, event)) for event in events]
    for number in range(dice.randint(1, 4)):
        a, b = dice.sample(nids, 2) if len(nids) > 1 else (nids[0], nids[0])
        kind: Any = dice.choice(("cannot_link", "erase", "erase", "block", "cannot_link"))
        pair = b if kind == "cannot_link" else ""
        steps.append(Ruling(f"{kind}-{number}", 1, kind, a, pair))
        if kind != "erase" and dice.random() < 0.4:
            steps.append(Ruling(f"{kind}-{number}", 2, kind, a, pair, False))
    dice.shuffle(steps)
    return case.parsed, steps


def _sums(dice: random.Random, event: Observation) -> Sums:
    channel, store = dice.choice(("till", "web", "app")), f"s{dice.randrange(5)}"
    said = Claim(1, event.at, event.at, dice.random() < 0.2)
    return Sums(
        orders=dice.randrange(2),
        visits=1,
        spend={dice.choice(("CNY", "USD")): dice.randrange(100_000)},
        channels={channel: Seen(event.at, event.at)},
        stores={store: 1},
        categories={f"c{dice.randrange(4)}": 1},
        coupons=frozenset({f"k{dice.randrange(9)}"} if dice.random() < 0.2 else ()),
        tags=frozenset({f"t{dice.randrange(3)}"} if dice.random() < 0.1 else ()),
        skus=frozenset(sku_hash(str(dice.randrange(200))) for _ in range(dice.randrange(9))),
        consents={"sms": Consent(event.at, dice.random() < 0.5, channel)} if dice.random() < 0.3 else {},
        claims={"city": {channel: {f"v{dice.randrange(4)}": said}}},
    )


def differences(seed: int) -> list[str]:
    """What differs after each step of a history: nothing, if all is well."""
    rules, steps = history(seed)
    live, log, profiles = Resolver(rules), Log(rules), Profiles()
    restarts = points(f"history {seed}", len(steps), least=1)
    members: dict[str, set[str]] = defaultdict(set)
    found = []
    gone: set[str] = set()
    for done, step in enumerate(steps, 1):
        if isinstance(step, Ruling):
            changes = live.apply([], [step])
            log.take([], [step])
            if step.kind == "erase":
                gone.add(step.a)
                profiles.erase(step.a)
        else:
            changes = live.apply([step[0]])
            log.take([step[0]])
            at = strongest(step[0].nids, rules.priority)
            if at not in gone and step[0].cls != LIKELY:
                profiles.add(at, step[1])
        for change in changes:
            if change.before:
                members[change.before].discard(change.nid)
            if change.after:
                members[change.after].add(change.nid)
        if done in restarts:
            live = log.restarted()
        # Every step is a whole history; the last one and one other are judged.
        if done in {len(steps), len(steps) // 2}:
            now = {birth: written(profiles.of(nids)) for birth, nids in members.items() if nids}
            if now != dict(rebuilt(rules, steps[:done])):
                found.append(f"history {seed}, after step {done}: a profile differs from its rebuild")
    return found


def rebuilt(rules: Any, steps: list[Step]) -> Iterator[tuple[str, bytes]]:
    """Each member's profile from the log alone: without the identifiers and the links that were taken out of it."""
    rulings = [step for step in steps if isinstance(step, Ruling)]
    erased = {ruling.a for ruling in rulings if ruling.kind == "erase"}
    evidence = Evidence()
    for ruling in rulings:
        if ruling.kind != "erase":
            evidence.rule(ruling)
    forbidden = {frozenset((r.a, r.b)) for r in evidence.rulings.values() if r.kind == "cannot_link" and r.stands}
    sums: dict[str, Sums] = {}
    for event, adds in (step for step in steps if not isinstance(step, Ruling)):
        one = Evidence()
        one.observe(event, rules.priority)
        evidence.join(
            Evidence(
                {nid: fact for nid, fact in one.identifiers.items() if nid not in erased},
                {k: fact for k, fact in one.pairs.items() if not erased & set(k) and frozenset(k) not in forbidden},
                {k: fact for k, fact in one.names.items() if k[0] not in erased},
                {},
                one.model,
            )
        )
        at = strongest(event.nids, rules.priority)
        if at not in erased and event.cls != LIKELY:
            sums[at] = plus(adds, sums[at]) if at in sums else adds
    answer = resolve(evidence, rules)
    parts: dict[str, list[Sums]] = defaultdict(list)
    for nid in evidence.identifiers:
        holder = answer.holder(nid)
        if holder:
            parts[holder].append(sums.get(nid, Sums()))
    for birth, adds_up in parts.items():
        whole = Sums()
        for part in reversed(adds_up):
            whole = plus(part, whole)
        yield birth, written(whole)


def judge(first: int, count: int) -> list[str]:
    """Each seed is a history of evidence and sums, and one of records through the steps of the jobs."""
    return [what for seed in range(first, first + count) for what in (*differences(seed), *records.differences(seed))]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.oneid.histories")
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    wanted = parser.parse_args()
    console = Console(stderr=True)
    at, started = commit(JUDGED), time.monotonic()
    console.print(f"profiles: histories {wanted.seed} to {wanted.seed + wanted.cases - 1} of commit {at}")
    chunks = range(wanted.seed, wanted.seed + wanted.cases, CHUNK)
    with ProcessPoolExecutor(wanted.jobs) as pool:
        sizes = [min(CHUNK, wanted.seed + wanted.cases - first) for first in chunks]
        results = pool.map(judge, chunks, sizes)
        found = [what for some in track(results, total=len(chunks), console=console) for what in some]
    for what in found[:20]:
        console.print(what)
    if not at.endswith("-dirty"):
        of = {"commit": at, "seed": wanted.seed, "cases": wanted.cases, "differences": len(found)}
        with RESULTS.open("a") as file:
            file.write(json.dumps(of | {"seconds": round(time.monotonic() - started)}) + "\n")
    print(json.dumps({"chaos": "profiles", "cases": wanted.cases, "differences": len(found)}))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
