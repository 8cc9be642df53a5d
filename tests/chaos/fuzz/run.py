"""A million hostile inputs for each decoder: `python -m tests.chaos.fuzz.run --inputs 1000000 --seed 1 [--jobs 2] [DECODER…]`.

Every input follows from the seed and its number, so what is found is found again: `--start N --inputs 1 DECODER`. The last line
of stdout is the result as JSON; the exit status is 1 when any input was unhandled, took more than a second or 256 MiB, or was
refused with a value in its place.
"""

import argparse
import json
import multiprocessing
import sys
import time
from collections import Counter

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.chaos.fuzz.decoders import DECODERS
from tests.chaos.fuzz.hunt import Hunted, hunt

CHUNK = 20_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.fuzz.run")
    parser.add_argument("--inputs", type=int, default=1_000_000, help="for each decoder")
    parser.add_argument("--start", type=int, default=0, help="the number of the first input")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("decoders", nargs="*", metavar="DECODER", help=f"default: all of {', '.join(DECODERS)}")
    wanted = parser.parse_args()
    unknown = sorted(set(wanted.decoders) - set(DECODERS))
    if unknown:
        parser.error(f"there is no decoder {', '.join(unknown)}; decoders: {', '.join(DECODERS)}")
    names = wanted.decoders or list(DECODERS)
    began = time.monotonic()
    hunted = _hunted(names, wanted.seed, wanted.start, wanted.inputs, wanted.jobs)
    result = {name: _summed([one for one in hunted if one.decoder == name]) for name in names}
    violations = [violation for one in hunted for violation in one.violations]
    for violation in violations[:50]:
        sys.stderr.write(f"{violation.decoder} input {violation.n} of seed {violation.seed}: {violation.what}\n")
    told = {"chaos": "fuzz", "inputs": wanted.inputs, "seed": wanted.seed, "decoders": result}
    print(json.dumps(told | {"violations": len(violations), "seconds": round(time.monotonic() - began, 1)}))
    return int(bool(violations))


def _hunted(names: list[str], seed: int, start: int, inputs: int, jobs: int) -> list[Hunted]:
    chunks = [
        (name, seed, at, min(CHUNK, start + inputs - at))
        for name in names
        for at in range(start, start + inputs, CHUNK)
    ]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    found: list[Hunted] = []
    with (
        Progress(*columns, console=Console(stderr=True)) as bar,
        # Fresh processes after a few chunks, so that the peak of one input does not hide that of another for ever.
        multiprocessing.get_context("spawn").Pool(jobs, maxtasksperchild=5) as pool,
    ):
        task = bar.add_task("fuzz", total=len(chunks))
        for done in pool.imap_unordered(_hunt, chunks):
            found.append(done)
            bar.advance(task)
    return found


def _hunt(chunk: tuple[str, int, int, int]) -> Hunted:
    return hunt(*chunk)


def _summed(parts: list[Hunted]) -> dict[str, object]:
    codes: Counter[str] = Counter()
    for part in parts:
        codes.update(part.codes)
    return {
        "good": sum(part.good for part in parts),
        "refused": sum(codes.values()),
        "codes": dict(codes.most_common()),
        "slowest_ms": round(1000 * max(part.slowest_s for part in parts), 1),
        "fattest_mib": max(part.fattest_kib for part in parts) >> 10,
    }


if __name__ == "__main__":
    sys.exit(main())
