"""A million hostile inputs for each decoder: `python -m tests.chaos.fuzz.run --seed 1 [--jobs 2] [--resume] [DECODER…]`.

Every input follows from the seed and its number, so what is found is found again: `--start N --inputs 1 DECODER`. Each chunk is a
line in bench/chaos-fuzz.jsonl; with --resume, chunks that this commit of the decoder's code has there are not run again. The last
line of stdout is the result as JSON, over what has been run now and before; the exit status is 1 when any input was unhandled, took
more than a second or 256 MiB, or was refused with a value in its place.
"""

import argparse
import json
import multiprocessing
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.chaos.fuzz.decoders import DECODERS
from tests.chaos.fuzz.hunt import hunt

ROOT = Path(__file__).parents[3]
RESULTS = ROOT / "bench" / "chaos-fuzz.jsonl"
CHUNK = 20_000
# A result holds for the last commit of what decides about a decoder: what all share, and the code of its feed.
SHARED = (
    "tests/chaos/fuzz/breed.py", "tests/chaos/fuzz/decoders.py", "tests/chaos/fuzz/hunt.py", "connectors/feeds.py",
    "connectors/json_text.py", "connectors/strict_json.py", "contracts/instants.py", "contracts/money.py", "contracts/units.py",
)  # fmt: skip
POS = ("connectors/pos", "centers/receipts", "contracts/pos.py", "cli/judging.py", "docs/feeds/pos-example.jsonl")
WEB = ("connectors/ecommerce", "centers/orders/accept.py", "contracts/web.py", "cli/web_formats.py")
WMS = ("connectors/wms", "centers/visibility", "contracts/epcis.py", "contracts/gs1.py", "cli/wms_formats.py")
ERP = ("connectors/erp", "centers/masters", "contracts/erp.py", "cli/erp_formats.py")
_FEEDS = {"receipts": POS, "poslog": POS, "shopify": WEB, "segment": WEB, "epcis": WMS, "debezium": ERP, "csv": ERP}


class Chunk(NamedTuple):
    """Inputs `start` to `start + inputs` of a seed. `commit` is that of the decoder's code; `…-dirty` is never taken for done."""

    commit: str
    decoder: str
    seed: int
    start: int
    inputs: int


def main() -> int:
    wanted = _asked()
    names = wanted.decoders or list(DECODERS)
    began = time.monotonic()
    commits = {name: commit(name) for name in names}
    asked = [one for name in names for one in chunks(commits[name], name, wanted.seed, wanted.start, wanted.inputs)]
    before = done(asked) if wanted.resume else []
    lines = [*before, *_hunted(rest(asked, before), wanted.jobs)]
    for line in lines:
        for failure in line["failures"]:
            sys.stderr.write(f"{line['decoder']} input {failure['n']} of seed {line['seed']}: {failure['what']}\n")
    result = {name: summed([line for line in lines if line["decoder"] == name]) for name in names}
    violations = sum(line["violations"] for line in lines)
    told = {"chaos": "fuzz", "inputs": wanted.inputs, "seed": wanted.seed, "decoders": result, "violations": violations}
    print(json.dumps(told | {"seconds": round(time.monotonic() - began, 1)}))
    return int(violations > 0)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.fuzz.run")
    parser.add_argument("--inputs", type=int, default=1_000_000, help="for each decoder")
    parser.add_argument("--start", type=int, default=0, help="the number of the first input")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--resume", action="store_true", help="leave out what this commit has run already")
    parser.add_argument("decoders", nargs="*", metavar="DECODER", help=f"default: all of {', '.join(DECODERS)}")
    return parser.parse_args()


def commit(name: str) -> str:
    """The last commit of a decoder's code, with `-dirty` when it was changed since."""
    judged = (*SHARED, *_FEEDS[name.partition("-")[0]])
    last = _git("log", "-1", "--format=%h", "--", *judged)
    return last + ("-dirty" if _git("status", "--porcelain", "--", *judged) else "")


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def chunks(at: str, name: str, seed: int, start: int, inputs: int) -> Iterator[Chunk]:
    for first in range(start, start + inputs, CHUNK):
        yield Chunk(at, name, seed, first, min(CHUNK, start + inputs - first))


def done(asked: Iterable[Chunk]) -> list[dict[str, Any]]:
    """The lines that are there of what is asked, one for each chunk; the last one counts."""
    wanted = {one for one in asked if not one.commit.endswith("-dirty")}
    written = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    found = {_chunk(line): line for line in map(json.loads, written)}
    return [line for one, line in found.items() if one in wanted]


def rest(asked: Iterable[Chunk], before: Iterable[dict[str, Any]]) -> list[Chunk]:
    known = {_chunk(line) for line in before}
    return [one for one in asked if one not in known]


def _chunk(line: dict[str, Any]) -> Chunk:
    return Chunk(*(line[field] for field in Chunk._fields))


def _hunted(todo: list[Chunk], jobs: int) -> list[dict[str, Any]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    found: list[dict[str, Any]] = []
    with (
        Progress(*columns, console=Console(stderr=True)) as bar,
        # Fresh processes after a few chunks, so that the peak of one input does not hide that of another for ever.
        multiprocessing.get_context("spawn").Pool(jobs, maxtasksperchild=5) as pool,
    ):
        task = bar.add_task("fuzz", total=len(todo))
        for line in pool.imap_unordered(_hunt, todo):
            found.append(line)
            _keep(line)
            bar.advance(task)
    return found


def _keep(line: dict[str, Any]) -> None:
    """A part of a chunk, such as the replay of one input, is no record of a storm."""
    if line["inputs"] == CHUNK:
        with RESULTS.open("a") as file:
            file.write(json.dumps(line) + "\n")


def _hunt(chunk: Chunk) -> dict[str, Any]:
    began = time.process_time()
    found = hunt(chunk.decoder, chunk.seed, chunk.start, chunk.inputs)
    return chunk._asdict() | {
        "violations": found.inputs - found.good - sum(found.codes.values()) or len(found.violations),
        "seconds": round(time.process_time() - began, 1),  # of a processor
        "good": found.good,
        "slowest_ms": round(1000 * found.slowest_s, 1),
        "fattest_mib": found.fattest_kib >> 10,
        "codes": dict(Counter(found.codes).most_common()),
        "failures": [{"n": one.n, "what": one.what} for one in found.violations],
    }


def summed(lines: list[dict[str, Any]]) -> dict[str, object]:
    codes: Counter[str] = Counter()
    for line in lines:
        codes.update(line["codes"])
    return {
        "inputs": sum(line["inputs"] for line in lines),
        "good": sum(line["good"] for line in lines),
        "refused": sum(codes.values()),
        "codes": dict(codes.most_common()),
        "slowest_ms": max((line["slowest_ms"] for line in lines), default=0.0),
        "fattest_mib": max((line["fattest_mib"] for line in lines), default=0),
    }


if __name__ == "__main__":
    sys.exit(main())
