"""`python -m bench.run stock`: the whole comparison, one JSON line last. docs/bench.md says how to read it."""

import os
import shutil
import sys
from importlib.util import find_spec

import msgspec
from rich.console import Console

from bench import cluster as cluster_
from bench import curve, latency, plan, recovery, report, throughput
from bench.build import Peer, build
from bench.cluster import Cluster
from bench.plan import Plan
from bench.reference import Wrong
from bench.report import OURS, RESULTS, Results
from connectors.clock import SystemClock
from contracts.errors import BadInput, NotReady, ZhongtaiError

BESIDE = ("kafka_streams",)  # whose latency is measured beside ours
console = Console(stderr=True, width=max(150, Console().width))


def main() -> None:
    try:
        if sys.argv[1:] == ["oneid"]:
            from bench.oneid import run as oneid

            return oneid.main(os.environ, str(SystemClock().now().date()))
        if sys.argv[1:] == ["oneid-latency"]:
            from bench.oneid import latency as oneid_latency

            return oneid_latency.main(os.environ)
        if sys.argv[1:] == ["oneid-lookups"]:
            from bench.oneid import lookups

            return lookups.main(os.environ)
        if sys.argv[1:] == ["marts"]:
            from bench.marts.run import marts

            return _say(marts(os.environ, str(SystemClock().now().date())))
        if sys.argv[1:] == ["ingest"]:
            from bench import ingest

            return ingest.main(os.environ)
        if sys.argv[1:] == ["service"]:
            from bench import service

            return service.main(os.environ)
        if sys.argv[1:] != ["stock"]:
            known = "stock, oneid, oneid-latency, oneid-lookups, marts, ingest, service"
            raise BadInput(f"There is no bench {' '.join(sys.argv[1:])!r}.", f"Known: {known}.")
        stock(plan.load(os.environ, str(SystemClock().now().date())))
    except ZhongtaiError as error:
        console.print(f"bench: {error.wrong}\n  → {error.do}")
        sys.exit(error.exit_status)


def stock(chosen: Plan) -> None:
    """Throughput, latency, recovery; with CURVE=1 the curves instead. A wrong final state of ours ends the run."""
    results = Results()
    peers = _built(chosen, results)
    try:
        with cluster_.running(chosen.folder) as cluster:
            if chosen.curve:
                _curve(cluster, chosen, peers)
                return
            _throughput(cluster, chosen, list(peers.values()), results)
            _latency(cluster, chosen, peers, results)
            if OURS in peers and chosen.kills:
                console.print(f"recovery: {chosen.kills} kills")
                results.recovery = recovery.measure(cluster, chosen, peers[OURS])
    finally:
        shutil.rmtree(chosen.folder, ignore_errors=True)
    _publish(results, chosen)


def _built(chosen: Plan, results: Results) -> dict[str, Peer]:
    peers = {}
    for name in chosen.peers:
        try:
            peers[name] = build(name, chosen.cache)
        except NotReady as error:
            results.left_out[name] = error.wrong
            console.print(f"goes on without {name}: {error.wrong}")
    return peers


def _throughput(cluster: Cluster, chosen: Plan, peers: list[Peer], results: Results) -> None:
    given = throughput.inputs(cluster, chosen, peers, console.print)
    for number, peer in throughput.order(chosen.rounds, peers):
        if peer.name in results.left_out:
            continue
        try:
            trial = throughput.run(cluster, chosen, peer, number, given[peer.name])
        except (RuntimeError, Wrong) as error:
            if peer.name == OURS:
                raise
            # A peer that fails once has no figures: half of its rounds would say something else than all of them.
            results.leave_out(peer.name, str(error))
            console.print(f"goes on without {peer.name}: {error}")
            continue
        results.trials.append(trial)
        rates = f"{trial.wall:>9,.0f} ev/s {trial.cpu:>9,.0f} ev per CPU-s"
        console.print(f"round {trial.round}: {trial.peer:14} {rates}, verified")


def _latency(cluster: Cluster, chosen: Plan, peers: dict[str, Peer], results: Results) -> None:
    if not chosen.latency_s:
        return
    for commit_ms in chosen.latency_commit_ms:
        for name in (OURS, *BESIDE):
            if name in peers and name not in results.left_out:
                console.print(f"latency: {name}, commit {commit_ms} ms")
                results.latencies.append(latency.measure(cluster, chosen, peers[name], commit_ms))


def _publish(results: Results, chosen: Plan) -> None:
    line = report.record(results, chosen)
    report.show(results, console)
    report.append(line, RESULTS / "stock.jsonl")
    if find_spec("matplotlib"):
        from bench.draw import draw

        console.print("drawn: " + ", ".join(path.name for path in draw(results, RESULTS)))
    _say(report.summary(results, chosen))


def _curve(cluster: Cluster, chosen: Plan, peers: dict[str, Peer]) -> None:
    found = []
    for point in curve.points(cluster, chosen, [peers[name] for name in (OURS, *BESIDE) if name in peers]):
        found.append(point)
        console.print(
            f"{point.peer:14} keys {point.keys:>10,} workers {point.workers}: {point.wall:>9,.0f} ev/s, verified"
        )
        report.append(msgspec.to_builtins(point) | {"date": chosen.date, "seed": chosen.seed}, RESULTS / "curve.jsonl")
    if find_spec("matplotlib"):
        from bench.draw import draw_curve

        draw_curve(found, RESULTS)
    _say({"bench": "stock-curve", "verified": True, "points": msgspec.to_builtins(found)})


def _say(line: dict[str, object]) -> None:
    sys.stdout.write(msgspec.json.encode(line).decode() + "\n")


if __name__ == "__main__":
    main()
