"""The table as a picture."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.oneid.run import Run


def draw(runs: "Mapping[str, Run]", folder: Path) -> list[Path]:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    panels = [
        ("over-merged clusters, %", [run.score.over_merged * 100 for run in runs.values()]),
        ("pair precision", [run.score.precision for run in runs.values()]),
        ("recall of the reachable", [run.score.recall for run in runs.values()]),
        ("pairs on which two orders differ, %", [run.disagreement * 100 for run in runs.values()]),
    ]
    figure, axes = plt.subplots(1, len(panels), figsize=(14, 3))
    for axis, (title, values) in zip(axes, panels, strict=True):
        bars = axis.barh(list(runs), values, color=["#b0b0b0"] * (len(runs) - 1) + ["#c8102e"])
        axis.bar_label(bars, fmt="%.3g", padding=2)
        axis.set_title(title, fontsize=10)
        axis.margins(x=0.2)
        axis.invert_yaxis()
        axis.spines[["top", "right"]].set_visible(False)
    for axis in axes[1:]:
        axis.set_yticks([])
    figure.tight_layout()
    paths = [folder / f"oneid.{kind}" for kind in ("png", "svg")]
    for path in paths:
        figure.savefig(path, dpi=120)
    plt.close(figure)
    return paths
