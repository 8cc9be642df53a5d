"""Writes the generated pages of docs/ (`make docs`), or with `--check` says which are out of date (`make check`)."""

import json
import sys
from pathlib import Path

from connectors.settings import VARIABLES, Settings
from contracts.refusals import REASONS
from contracts.schemas import schemas
from contracts.topics import TOPICS, Topic
from pipelines.batch.job import Telling
from pipelines.batch.metrics import METRICS
from pipelines.jobs import jobs
from pipelines.warehouse import tables_doc

DOCS = Path(__file__).parents[1] / "docs"
NOTE = "<!-- Written by `make docs`; do not edit. -->\n\n"


def pages() -> dict[str, str]:
    """Path below docs/ → text, for every generated page."""
    found = {f"schemas/{name}": json.dumps(s, indent=1, ensure_ascii=False) + "\n" for name, s in schemas().items()}
    return found | {
        "topics.md": topics(),
        "settings.md": settings(),
        "refusals.md": refusals(),
        "tables.md": tables_doc.page(),
        "metrics.md": metrics(),
    }


def topics() -> str:
    head = (
        "# Topics\n\n"
        + NOTE
        + "Every topic that exists. `zhongtai topics apply` creates them; nothing else may. Kafka's "
        "record time is the time of ingestion; event time travels in the header `ce_time`. The partition is "
        "murmur2(partitioning key) modulo the count.\n\n"
        "| topic | 中文 | what | record | key | partitioned by | kept |\n|---|---|---|---|---|---|---|\n"
    )
    return head + "".join(
        f"| `{t.name}` | {t.title[1]} | {t.title[0]} | {_record(t)} | {_cell(t.key)} | {_cell(t.partitioned_by)} | {_kept(t)} |\n"
        for t in TOPICS
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _record(topic: Topic) -> str:
    return topic.record if " " in topic.record else f"`{topic.record}`"


def _kept(topic: Topic) -> str:
    days = "for ever" if topic.retention_days is None else f"{topic.retention_days} days"
    return f"{days}, compacted" if topic.compacted else days


def settings() -> str:
    rows = "".join(
        f"| `{name}` | {f'`{default}`' if default else ''} | {what} |\n" for name, (default, what) in VARIABLES.items()
    )
    return (
        "# Settings\n\n"
        + NOTE
        + "Environment variables; nothing else is read.\n\n| variable | default | what |\n|---|---|---|\n"
        + rows
    )


def refusals() -> str:
    rows = "".join(f"| `{code}` | {en} | {zh} |\n" for code, (en, zh) in sorted(REASONS.items()))
    head = "A refused record lies in a dead-letter topic, encrypted, with one of these reasons. `zhongtai dlq list` shows them.\n\n"
    return "# Why a record is refused\n\n" + NOTE + head + "| code | reason | 原因 |\n|---|---|---|\n" + rows


def metrics() -> str:
    head = (
        "# Metrics\n\n"
        + NOTE
        + "Each worker answers Prometheus (`ZHONGTAI_METRICS`; `zhongtai status` shows where). Every metric "
        "has the label `job`. None holds a value of a record.\n\n| metric | type | what | 中文 |\n|---|---|---|---|\n"
    )
    types = {True: ("_total", "counter"), False: ("", "gauge")}
    every = "".join(
        f"| `{name}{types[kind.counter][0]}` | {types[kind.counter][1]} | {kind.english} | {kind.chinese} |\n"
        for name, kind in METRICS.items()
    )
    return (
        head + every + "".join(_own(job.name, job.tells) for job in jobs(Settings(home=Path())).values() if job.tells)
    )


def _own(job: str, tells: Telling) -> str:
    head = f"\n## Of `{job}` alone\n\n| metric | type | more labels | what | 中文 |\n|---|---|---|---|---|\n"
    return head + "".join(
        f"| `{name}` | gauge | {', '.join(f'`{label}`' for label in one.labels)} | {one.english} | {one.chinese} |\n"
        for name, one in tells.gauges.items()
    )


def main() -> None:
    check = sys.argv[1:] == ["--check"]
    stale = [name for name, text in pages().items() if not (DOCS / name).exists() or (DOCS / name).read_text() != text]
    if check and stale:
        sys.exit(f"Out of date in docs/: {', '.join(stale)}. Write them again: make docs")
    for name in [] if check else stale:
        (DOCS / name).parent.mkdir(parents=True, exist_ok=True)
        (DOCS / name).write_text(pages()[name])
    print(f"docs: {len(pages())} generated pages, {0 if check else len(stale)} written")


if __name__ == "__main__":
    main()
