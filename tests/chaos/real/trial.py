"""One trial and its verdict: a storm, or a script with or without a plant."""

import random
import secrets
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path

import msgspec

from connectors.settings import Settings
from tests.chaos.real.oracle import MOST
from tests.chaos.real.process import Unexpected
from tests.chaos.real.scene import scene
from tests.chaos.real.scripts import Planted
from tests.chaos.real.storm import Storm
from tests.chaos.real.worker import Trial

HORIZON_S = 300


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """`violations` counts all; `told` has the first ones in words; `kept` is the folder with the workers' logs, if any."""

    violations: int
    told: list[str]
    seconds: float
    actions: dict[str, int] = {}
    events: int = 0
    keys: int = 0
    partitions: int = 0
    kept: str = ""


def storm(settings: Settings, job: str, seed: int, lasting_s: tuple[float, float] = (15.0, 20.0)) -> Verdict:
    """A random storm. The seed gives the events and the faults, though not the moments at which the machine is slow."""
    started = time.monotonic()
    dice = random.Random(f"{job} {seed}")
    folder, name = _folder(f"{job}-{seed}")
    trial = Trial(name=name, job=job, bootstrap=settings.bootstrap, horizon_s=HORIZON_S, slow_s=0.02)
    with scene(settings, folder, trial, dice.choice((4, 8))) as stage:
        blown = Storm(stage, dice, dice.uniform(*lasting_s))
        blown.blow()
        violations = stage.settle(blown.slots)
        actions = Counter(blown.actions) + Counter(f"exit {p.status}" for p in stage.processes)
        keys = len({row["key"] for rows in stage.feed.truth.records.values() for row in rows})
        events, partitions = stage.feed.produced, stage.partitions
    return Verdict(
        violations=len(violations),
        told=violations[:MOST],
        seconds=round(time.monotonic() - started, 1),
        actions=dict(sorted(actions.items())),
        events=events,
        keys=keys,
        partitions=partitions,
        kept=_kept(folder, bool(violations)),
    )


def script(settings: Settings, planted: Planted, plant: str = "") -> Verdict:
    """A script, with a bug in every worker or without. Raises `Unexpected` when the script itself did not come true."""
    started = time.monotonic()
    folder, name = _folder(planted.script.__name__)
    trial = Trial(
        name=name,
        job=planted.job,
        bootstrap=settings.bootstrap,
        plant=plant,
        transaction_timeout_s=planted.transaction_timeout_s,
        slow_s=planted.slow_s,
    )
    with scene(settings, folder, trial, planted.partitions) as stage:
        try:
            planted.script(stage)
        except Unexpected as error:
            raise Unexpected(f"{planted.script.__name__} with {plant or 'no plant'}: {error}; see {folder}") from None
        violations = stage.settle({process.slot for process in stage.processes})
    return Verdict(
        violations=len(violations),
        told=violations[:MOST],
        seconds=round(time.monotonic() - started, 1),
        kept=_kept(folder, bool(violations) and not plant),
    )


def _folder(label: str) -> tuple[Path, str]:
    # The same seed may run twice on one broker: its topics and its group are new each time.
    name = f"{label.replace('_', '-')}-{secrets.token_hex(3)}"
    return Path(tempfile.mkdtemp(prefix=f"zhongtai-chaos-{name}-")), name


def _kept(folder: Path, keep: bool) -> str:
    if keep:
        return str(folder)
    shutil.rmtree(folder, ignore_errors=True)
    return ""
