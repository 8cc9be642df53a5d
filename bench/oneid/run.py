"""`make bench NAME=oneid`: who is who, beside peers, on customers whose truth is known. docs/oneid.md says how to read it."""

import gc
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import msgspec
from rich.console import Console
from rich.table import Table

from bench.oneid import peers
from bench.oneid.scoring import Score, reachable, score
from bench.oneid.simulator import World, arrivals, world
from bench.report import RESULTS, append, belongs
from contracts.errors import BadInput
from oneid.evidence import Observation
from oneid.resolver import Resolver
from oneid.rules import Rules, parse

ROOT = Path(__file__).parents[2]
RULES = ROOT / "oneid" / "rules.yml"
JUDGING = 1000  # seeds from here on judge; smaller ones are for tuning rules and hazards
BATCHES = 2  # of a load, whatever its size
ROUNDS = 3
OURS, NAIVE, ARRIVAL = "zhongtai", "naive components", "limits by arrival"
console = Console(stderr=True, width=max(130, Console().width))


class Plan(NamedTuple):
    people: int
    events: int
    seed: int


class Run(NamedTuple):
    """One contender: its score, the share of pairs on which two arrival orders disagree, and CPU seconds."""

    score: Score
    disagreement: float
    seconds: float


class Cost(NamedTuple):
    """CPU beside a plain union–find of the same edges, events a CPU-second, bytes an identifier, and how many times longer
    ten times the people (and events) take: medians of rounds, each of which has all of it."""

    ratio: float
    rate: float
    size: float
    growth: float


def load(environment: Mapping[str, str]) -> Plan:
    values = []
    for name, default in (("PEOPLE", 100_000), ("EVENTS", 1_000_000), ("SEED", JUDGING + 1)):
        written = environment.get(name, str(default))
        if not written.isdigit() or (name != "SEED" and int(written) < 100):
            raise BadInput(f"{name}={written} is no number that a bench can use.", f"Try {name}={default}.")
        values.append(int(written))
    return Plan(*values)


def main(environment: Mapping[str, str], date: str) -> None:
    plan = load(environment)
    rules = parse(RULES.read_text(), str(RULES))
    use = "judging" if plan.seed >= JUDGING else "tuning"
    console.print(f"oneid: {plan.people:,} people, {plan.events:,} events, seed {plan.seed} (for {use})")
    with console.status("inventing people"):
        made = world(plan.people, plan.events, plan.seed)
        orders = [list(arrivals(made, order)) for order in (1, 2)]
        links = reachable(made)
    runs = {}
    for name, resolve in _contenders(rules):
        console.print(f"{name} …")
        runs[name] = _run(made, links, orders, resolve)
    cost = _cost(made, plan, rules)
    turns = sum(len(owners) > 1 and nid not in made.at_once for nid, owners in made.owners.items())
    phones = sum(nid.startswith("phone:") for nid in made.owners)
    _show(runs, cost, turns / phones)
    line = _line(runs, cost, _matching())
    more = {"date": date, "ten_times_the_people": round(cost.growth, 2), "two_owners_in_turn": turns}
    append(line | belongs() | plan._asdict() | more, RESULTS / "oneid.jsonl")
    if find_spec("matplotlib"):
        from bench.oneid.draw import draw

        console.print("drawn: " + ", ".join(path.name for path in draw(runs, RESULTS)))
    sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
    if line["order_disagreement"]:
        sys.exit(1)


Resolve = Callable[[Sequence[Observation]], Mapping[str, object]]


def _contenders(rules: Rules) -> list[tuple[str, Resolve]]:
    limits = dict(rules.ever)
    return [
        (NAIVE, peers.naive),
        (ARRIVAL, lambda events: peers.by_arrival(events, limits, rules.priority)),
        (OURS, lambda events: dict(_resolved(events, rules).holders())),
    ]


def _resolved(events: Sequence[Observation], rules: Rules) -> Resolver:
    resolver = Resolver(rules)
    size = -(-len(events) // BATCHES)
    for i in range(0, len(events), size):
        resolver.apply(events[i : i + size])
    return resolver


def _run(made: World, links: Any, orders: list[list[Observation]], resolve: Resolve) -> Run:
    started = time.process_time()
    found = resolve(orders[0])
    seconds = time.process_time() - started
    return Run(score(made, found, links), _disagreement(found, resolve(orders[1])), seconds)


def _disagreement(x: Mapping[str, object], y: Mapping[str, object]) -> float:
    """Of the pairs that either of two partitions joins, the share that only one joins."""
    joined = [sum(n * (n - 1) // 2 for n in Counter(side.values()).values()) for side in (x, y)]
    cells: dict[tuple[object, object], int] = defaultdict(int)
    for nid, cluster in x.items():
        cells[cluster, y.get(nid, nid)] += 1
    both = sum(n * (n - 1) // 2 for n in cells.values())
    return (sum(joined) - 2 * both) / max(1, sum(joined) - both)


def _cost(made: World, plan: Plan, rules: Rules) -> Cost:
    tenth = world(max(100, plan.people // 10), max(100, plan.events // 10), plan.seed)
    gc.collect()
    gc.freeze()  # the events are not part of any contender
    rounds = []
    for _ in range(ROUNDS):
        plain = _cpu(lambda: peers.union_find(made.events))[0]
        ours, resolver = _cpu(lambda: _resolved(made.events, rules))
        small = _cpu(lambda: _resolved(tenth.events, rules))[0]
        size = resolver.nbytes / len(resolver.ledger)
        rounds.append(Cost(ours / plain, len(made.events) / ours, size, ours / small))
    gc.unfreeze()
    return Cost(*map(median, zip(*rounds, strict=True)))


def _cpu(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.process_time()
    done = work()
    return time.process_time() - started, done


def _matching() -> dict[str, float]:
    """The matcher's benchmarks, on the records of Chinese members and on FEBRL 3, beside what people use instead."""
    from bench.oneid import matching

    console.print("matching records …")
    chinese, febrl = matching.cn(), matching.febrl3()
    table = Table(title="Records of one person found without labels")
    for name in ("", "F1", "precision", "recall"):
        table.add_column(name, justify="right" if name else "left")
    found = {"zhongtai, Chinese members": chinese, **matching.cn_peers(), "zhongtai, FEBRL 3": febrl}
    for name, scored in (found | {f"{k}, FEBRL 3": v for k, v in matching.febrl3_peers().items()}).items():
        table.add_row(name, *(f"{scored[figure]:.4f}" for figure in ("f1", "precision", "recall")))
    console.print(table)
    return {
        "cn_f1": round(chinese["f1"], 5),
        "cn_precision": round(chinese["precision"], 5),
        "febrl3_f1": round(febrl["f1"], 5),
    }


def _line(runs: dict[str, Run], cost: Cost, matching: dict[str, float]) -> dict[str, Any]:
    ours = runs[OURS]
    return {
        "bench": "oneid",
        "naive_over_merged_pct": round(runs[NAIVE].score.over_merged * 100, 3),
        "cost_vs_plain_union_find": round(cost.ratio, 2),
        "precision": round(ours.score.precision, 5),
        "recall_reachable": round(ours.score.recall, 5),
        "over_merged_pct": round(ours.score.over_merged * 100, 4),
        "largest": ours.score.largest,
        "order_disagreement": ours.disagreement if ours.disagreement else 0,
        **matching,
        "events_per_s_core": round(cost.rate),
        "bytes_per_identifier": round(cost.size, 1),
    }


def _show(runs: dict[str, Run], cost: Cost, turns: float) -> None:
    table = Table(title="The same events, three ways")
    for name in (
        "",
        "clusters",
        "over-merged",
        "pair precision",
        "recall of the reachable",
        "largest",
        "two orders differ",
    ):
        table.add_column(name, justify="right" if name else "left")
    for name, (found, disagreement, _) in runs.items():
        table.add_row(
            name,
            f"{found.members:,}",
            f"{found.over_merged:.3%}",
            f"{found.precision:.4f}",
            f"{found.recall:.4f}",
            f"{found.largest:,}",
            f"{disagreement:.3%}",
        )
    console.print(table)
    console.print(
        f"zhongtai: {cost.ratio:.2f} × a plain union–find of the same edges, {cost.rate:,.0f} events a second and core, "
        f"{cost.size:.0f} bytes an identifier; ten times the people take {cost.growth:.1f} × the time. "
        f"{turns:.1%} of the numbers had two owners in turn."
    )
