"""What a run says: tables for people, a line for the record, a line for programs. Only what was measured."""

import os
import statistics
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from bench.build import versions
from bench.latency import Latency
from bench.plan import Plan
from bench.recovery import Recovery
from bench.trial import Measured

RESULTS = Path(__file__).parent / "results"
OURS = "zhongtai"
HEADS = (
    "engine",
    "runs",
    "events",
    "commit",
    "ev/s wall",
    "ev per CPU-s",
    "warm ev/s",
    "warm ev per CPU-s",
    "RSS MB",
    "outputs",
)
JAVA_FLOOR = 2.5  # a Java peer that is, warm, slower than this many quixstreams has been tuned badly


class Results(msgspec.Struct, kw_only=True):
    """Everything that one run measured. `left_out` says why a peer or a ratio is missing."""

    trials: list[Measured] = []
    latencies: list[Latency] = []
    recovery: Recovery | None = None
    left_out: dict[str, str] = {}

    def of(self, peer: str) -> list[Measured]:
        return [trial for trial in self.trials if trial.peer == peer]

    def leave_out(self, peer: str, why: str) -> None:
        """Forget what was measured of a peer."""
        self.trials = [trial for trial in self.trials if trial.peer != peer]
        self.left_out[peer] = why

    def median(self, peer: str, figure: Callable[[Measured], float]) -> float | None:
        found = [figure(trial) for trial in self.of(peer)]
        return statistics.median(found) if found else None

    def latency(self, peer: str, commit_ms: int) -> Latency | None:
        return next((x for x in self.latencies if (x.peer, x.commit_ms) == (peer, commit_ms)), None)


def ratios(results: Results) -> dict[str, float]:
    """Ours over theirs, medians. None of a Java peer that is warm below `JAVA_FLOOR` times quixstreams, or unjudged."""
    found: dict[str, float] = {}
    refused = _badly_tuned(results)
    if refused:
        results.left_out["kafka_streams ratios"] = refused
    for name, figure in (("wall", lambda t: t.wall), ("cpu", lambda t: t.cpu)):
        ours = results.median(OURS, figure)
        for peer in ("kafka_streams", "quixstreams", "faust_table"):
            theirs = results.median(peer, figure)
            if ours and theirs and not (peer == "kafka_streams" and refused):
                found[f"{peer}_{name}"] = round(ours / theirs, 2)
    if not refused:
        found |= _warm_ratios(results)
    return found


def _warm_ratios(results: Results) -> dict[str, float]:
    found = {}
    for name, figure in (("wall", lambda t: t.warm_wall), ("cpu", lambda t: t.warm_cpu)):
        ours, theirs = results.median(OURS, figure), results.median("kafka_streams", figure)
        if ours and theirs:
            found[f"kafka_streams_warm_{name}"] = round(ours / theirs, 2)
    return found


def _badly_tuned(results: Results) -> str:
    java = results.median("kafka_streams", lambda t: t.warm_wall)
    quix = results.median("quixstreams", lambda t: t.warm_wall)
    if java is None:
        return ""
    if quix is None:
        return "quixstreams did not run, so nothing says whether the Java peer is tuned well enough"
    return f"the Java peer runs, warm, at {java / quix:.1f} x quixstreams; below {JAVA_FLOOR} it is tuned badly" * (
        java < JAVA_FLOOR * quix
    )


def summary(results: Results, plan: Plan) -> dict[str, object]:
    """The last line of a run. Latencies are those of the first commit interval that was asked for."""
    ours = results.latency(OURS, plan.latency_commit_ms[0])
    java = results.latency("kafka_streams", plan.latency_commit_ms[0])
    line: dict[str, object] = {"bench": "stock", "verified": bool(results.trials), "ratio": ratios(results)}
    line |= {"p99_ms": ours.p99, "cores_at_2000": ours.cores} if ours else {}
    line |= {"kafka_streams_p99_ms": java.p99, "kafka_streams_cores_at_2000": java.cores} if java else {}
    line |= {"latency_commit_ms": plan.latency_commit_ms[0]} if ours else {}
    line |= {"recovery_ratio": round(results.recovery.ratio, 2)} if results.recovery else {}
    return line | ({"left_out": results.left_out} if results.left_out else {})


def record(results: Results, plan: Plan) -> dict[str, object]:
    """The line that is appended to the results: the summary, what it belongs to, and every single figure."""
    return summary(results, plan) | {
        **belongs(),
        "seed": plan.seed,
        "date": plan.date,
        "keys": plan.keys,
        "versions": versions(),
        "trials": msgspec.to_builtins(results.trials),
        "latencies": msgspec.to_builtins(results.latencies),
        "recovery": msgspec.to_builtins(results.recovery),
    }


def belongs() -> dict[str, object]:
    """What a measurement belongs to: the commit (`+` with changes), the machine's cores, its load over five minutes."""
    changed = _git("status", "--porcelain", "--untracked-files=no", ":!bench/results")
    commit = _git("rev-parse", "--short", "HEAD") + ("+" if changed else "")
    return {"commit": commit, "machine_cores": os.cpu_count(), "load": round(os.getloadavg()[1], 1)}


def _git(*arguments: str) -> str:
    """What git says of this tree; nothing outside one."""
    return subprocess.run(["git", *arguments], check=False, capture_output=True, text=True).stdout.strip()


def append(line: dict[str, object], path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("ab") as file:
        file.write(msgspec.json.encode(line) + b"\n")


def spread(values: Sequence[float], digits: int = 0) -> str:
    """`min / median / max`."""
    return " / ".join(f"{f(values):,.{digits}f}" for f in (min, statistics.median, max))


def show(results: Results, console: Console) -> None:
    """The tables: min / median / max over the rounds."""
    table = Table(*HEADS, title="Throughput, every final state equal to the reference")
    for peer in dict.fromkeys(trial.peer for trial in results.trials):
        runs = results.of(peer)
        figures = (
            [t.wall for t in runs],
            [t.cpu for t in runs],
            [t.warm_wall for t in runs],
            [t.warm_cpu for t in runs],
        )
        table.add_row(
            peer,
            str(len(runs)),
            f"{runs[0].events:,}",
            f"{runs[0].commit_ms} ms",
            *map(spread, figures),
            spread([t.rss_mb for t in runs]),
            f"{statistics.median(t.outputs for t in runs):,.0f}",
        )
    console.print(table)
    if results.latencies:
        console.print(_latency_table(results.latencies))
    if results.recovery:
        kills, bare = results.recovery.kills, results.recovery.bare
        console.print(f"kill -9 → first commit: {spread(kills, 2)} s; bare Faust worker: {spread(bare, 2)} s")
    for what, why in results.left_out.items():
        console.print(f"left out: {what}: {why}")


def _latency_table(latencies: Sequence[Latency]) -> Table:
    heads = ("engine", "commit", "samples", "p50 ms", "p95", "p99", "max", "cores", "RSS MB")
    table = Table(*heads, title="Latency at 2,000 events/s, produced → readable as committed")
    for x in latencies:
        waits = (x.p50, x.p95, x.p99, x.max)
        table.add_row(
            x.peer,
            f"{x.commit_ms} ms",
            f"{x.samples:,}",
            *(f"{wait:.0f}" for wait in waits),
            f"{x.cores:.2f}",
            f"{x.rss_mb:.0f}",
        )
    return table
