"""Pictures of a run, beside its line in the results. Needs matplotlib; without it the figures stand for themselves."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.curve import Point
from bench.report import Results

COLOURS = {"zhongtai": "#b5382a", "product": "#d98c7f"}
OTHERS = "#8a8f98"


def draw(results: Results, folder: Path) -> list[Path]:
    """`stock.svg` and `stock.png`: throughput twice, and latency. Bars are medians, whiskers min and max."""
    plt = _pyplot()
    panels = 3 if results.latencies else 2
    figure, axes = plt.subplots(1, panels, figsize=(4.6 * panels, 3.4))
    _throughput(axes[0], results, "wall", "events/s")
    _throughput(axes[1], results, "cpu", "events per CPU-second")
    if results.latencies:
        _latency(axes[2], results)
    return _save(plt, figure, folder, "stock")


def draw_curve(points: Sequence[Point], folder: Path) -> list[Path]:
    """`curve.svg` and `curve.png`: throughput over keys and over workers."""
    plt = _pyplot()
    figure, axes = plt.subplots(1, 2, figsize=(9.2, 3.4))
    for axis, kind, label in ((axes[0], "keys", "keys"), (axes[1], "workers", "workers")):
        for peer in dict.fromkeys(point.peer for point in points):
            chosen = [point for point in points if point.peer == peer and point.kind == kind]
            xs, ys = [getattr(point, kind) for point in chosen], [point.wall for point in chosen]
            axis.plot(xs, ys, "o-", color=COLOURS.get(peer, OTHERS), label=peer)
        axis.set_xlabel(label)
        axis.set_ylim(bottom=0)
    axes[0].set_xscale("log")
    axes[0].set_ylabel("events/s")
    axes[1].legend(frameon=False)
    return _save(plt, figure, folder, "curve")


def _pyplot() -> Any:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams |= {"svg.hashsalt": "bench", "axes.spines.top": False, "axes.spines.right": False, "font.size": 9}
    return pyplot


def _throughput(axis: Any, results: Results, figure: str, label: str) -> None:
    peers = list(dict.fromkeys(trial.peer for trial in results.trials))[::-1]
    runs = [[getattr(trial, figure) for trial in results.of(peer)] for peer in peers]
    middles = [statistics.median(values) for values in runs]
    whiskers = [
        [m - min(v) for m, v in zip(middles, runs, strict=True)],
        [max(v) - m for m, v in zip(middles, runs, strict=True)],
    ]
    axis.barh(peers, middles, xerr=whiskers, color=[COLOURS.get(peer, OTHERS) for peer in peers])
    axis.set_xlabel(label)


def _latency(axis: Any, results: Results) -> None:
    names = [f"{x.peer}, {x.commit_ms} ms" for x in results.latencies][::-1]
    shown = results.latencies[::-1]
    axis.barh(names, [x.p99 for x in shown], color=[COLOURS.get(x.peer, OTHERS) for x in shown], alpha=0.55)
    axis.barh(names, [x.p50 for x in shown], color=[COLOURS.get(x.peer, OTHERS) for x in shown])
    axis.set_xlabel("ms at 2,000 events/s: p50, p99")


def _save(plt: Any, figure: Any, folder: Path, name: str) -> list[Path]:
    folder.mkdir(exist_ok=True)
    figure.tight_layout()
    paths = [folder / f"{name}.svg", folder / f"{name}.png"]
    figure.savefig(paths[0], metadata={"Date": None})
    figure.savefig(paths[1], dpi=150)
    plt.close(figure)
    return paths
