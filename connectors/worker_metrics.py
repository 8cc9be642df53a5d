"""What the workers of a home say of their jobs: their Prometheus pages, read and summed."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

TIMEOUT_S = 2.0
# Of these the largest over the workers is told, of all others the sum.
LARGEST = ("zhongtai_batch_records", "zhongtai_commit_seconds", "zhongtai_restore_seconds", "zhongtai_graph_largest")

Metrics = dict[str, dict[str, float]]  # job → metric → value


def read(home: Path) -> Metrics:
    """The metrics of every job that is at work in this home. A worker that does not answer is left out."""
    found: Metrics = {}
    for sample in _samples(home):
        _add(found.setdefault(sample.labels.get("job", ""), {}), sample.name, sample)
    return found


def labelled(home: Path, job: str) -> dict[str, dict[str, float]]:
    """The metrics of one job by the labels that they have beside `job`, joined by commas: metric → labels → value.

    "" stands for no other label. Empty when no worker that has this job answers.
    """
    found: dict[str, dict[str, float]] = {}
    for sample in _samples(home):
        if sample.labels.get("job") == job:
            others = ",".join(value for label, value in sample.labels.items() if label != "job")
            _add(found.setdefault(sample.name, {}), others, sample)
    return found


def _add(values: dict[str, float], at: str, sample: Sample) -> None:
    old = values.get(at, 0.0)
    values[at] = max(old, sample.value) if sample.name in LARGEST else old + sample.value


def _samples(home: Path) -> Iterator[Sample]:
    for page in _pages(home):
        for family in text_string_to_metric_families(page):
            yield from family.samples


def addresses(home: Path) -> list[str]:
    """Where the live workers of this home answer Prometheus."""
    found = []
    for note in sorted((home / "worker").glob("*.json")):
        try:
            told = json.loads(note.read_bytes())
            if psutil.pid_exists(told["pid"]):
                found.append(str(told["metrics"]))
        except (OSError, ValueError, KeyError):
            continue
    return found


def _pages(home: Path) -> Iterator[str]:
    for address in addresses(home):
        try:
            with urllib.request.urlopen(address, timeout=TIMEOUT_S) as answer:  # noqa: S310  (a worker's own note)
                yield answer.read().decode()
        except (OSError, urllib.error.URLError):
            continue
