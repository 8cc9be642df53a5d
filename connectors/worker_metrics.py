"""What the workers of a home say of their jobs: their Prometheus pages, read and summed."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
from prometheus_client.parser import text_string_to_metric_families

TIMEOUT_S = 2.0
# Of these the largest over the workers is told, of all others the sum.
LARGEST = ("zhongtai_batch_records", "zhongtai_commit_seconds", "zhongtai_restore_seconds")

Metrics = dict[str, dict[str, float]]  # job → metric → value


def read(home: Path) -> Metrics:
    """The metrics of every job that is at work in this home. A worker that does not answer is left out."""
    found: Metrics = {}
    for page in _pages(home):
        for family in text_string_to_metric_families(page):
            for sample in family.samples:
                job = found.setdefault(sample.labels.get("job", ""), {})
                old = job.get(sample.name, 0.0)
                job[sample.name] = max(old, sample.value) if sample.name in LARGEST else old + sample.value
    return found


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
