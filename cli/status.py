"""`zhongtai status`: what runs, what lies where, what is still to do."""

import json
import time
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group
from rich.table import Table

from cli.console import err, out
from connectors.clock import SystemClock
from connectors.settings import Settings, load
from contracts.errors import BadInput, Corrupt, NotReady

if TYPE_CHECKING:
    from pipelines.supervisor_state import Child

NOT_RUNNING = 4
RATE_S = 0.5

Facts = dict[str, Any]


def status(
    json_: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show it anew every second, until Ctrl-C.")] = False,
) -> None:
    """Show what runs: broker, worker, records in the topics, how far behind each job is, dead letters, marts.

    Records are counted by offsets, so they are an upper bound: transaction
    markers and compacted records count too. Ends with status 0 when all that
    `zhongtai up` started runs and Kafka answers, else with 4.
    """
    settings = load()
    if watch and json_:
        raise BadInput("--watch shows a screen, --json prints one object.", "Ask for one of the two.")
    if watch:
        _watch(settings)
        return
    with err.status("Asking Kafka"):
        facts = gather(settings)
    if json_:
        print(json.dumps(facts, ensure_ascii=False, default=str))
    else:
        out.print(_shown(facts))
        if not facts["ok"]:
            _print_logs(settings, facts)
    if not facts["ok"]:
        raise typer.Exit(NOT_RUNNING)


def _watch(settings: Settings) -> None:
    from rich.live import Live

    with suppress(KeyboardInterrupt), Live(console=out, auto_refresh=False, screen=out.is_terminal) as live:
        while True:
            live.update(_shown(gather(settings)), refresh=True)
            time.sleep(1)


def gather(settings: Settings) -> Facts:
    """Everything that `status` shows. A Kafka that does not answer is a fact too, not an error."""
    from connectors import worker_metrics
    from connectors.published import current, version_of
    from pipelines import supervisor_state as states

    state = states.running(settings.home)
    last = state or states.read(settings.home)
    published = current(settings.home)
    facts: Facts = {
        "home": str(settings.home),
        "supervisor": {"running": state is not None, "pid": state.ticket.pid if state else None},
        "broker": _broker(settings, last.child("broker") if last else None),
        "worker": _child(last.child("worker") if last else None) if not last or last.worker else None,
        "marts": version_of(published) if published else None,
        "topics": [],
        "lag": {},
        "overdue": [],
        "dead_letters": None,
        "jobs": _jobs(settings),
        "metrics": worker_metrics.addresses(settings.home),
    }
    facts["broker"]["answers"] = facts["broker"]["running"] is not False and _ask_kafka(settings, facts)
    facts["ok"] = bool(
        state
        and facts["broker"]["answers"]
        and (facts["worker"] is None or facts["worker"]["running"])
        and all(topic["exists"] for topic in facts["topics"])
    )
    return facts


def _jobs(settings: Settings) -> Facts:
    """What the workers say of each job; the rate is that of the moment."""
    from connectors import worker_metrics

    before = worker_metrics.read(settings.home)
    if not before:
        return {}
    time.sleep(RATE_S)
    now = worker_metrics.read(settings.home)
    rates = {
        job: (told["zhongtai_records_total"] - before.get(job, told)["zhongtai_records_total"]) / RATE_S
        for job, told in now.items()
    }
    return {job: {"records_per_s": round(rates[job]), **told} for job, told in now.items()}


def _broker(settings: Settings, child: "Child | None") -> Facts:
    from connectors import broker

    if not settings.embedded:
        return {"embedded": False, "address": settings.kafka, "running": None}
    found = broker.alive(settings.home)
    return _child(child) | {
        "embedded": True,
        "address": found.address if found else None,
        "running": found is not None,
        "pid": found.pid if found else None,
        "port": found.port if found else None,
        "since": found.started_at if found else None,
    }


def _child(child: "Child | None") -> Facts:
    from connectors.processes import find

    runs = bool(child and child.ticket and find(child.ticket))
    return {
        "running": runs,
        "pid": child.ticket.pid if runs and child and child.ticket else None,
        "since": child.started_at if runs and child else None,
        "restarts": child.restarts if child else 0,
        "last_exit": child.last_exit if child else "",
    }


def _ask_kafka(settings: Settings, facts: Facts) -> bool:
    from connectors import topics
    from connectors.dead_letters import letters
    from connectors.feeds import FEEDS
    from connectors.groups import lags
    from pipelines.warehouse.overdue import overdue

    try:
        facts["topics"] = [
            {"name": t.name, "exists": t.exists, "records": t.records, "differences": t.differences}
            for t in topics.describe(settings)
        ]
        facts["lag"] = lags(settings)
        if all(topic["exists"] for topic in facts["topics"]):
            facts["overdue"] = overdue(settings, SystemClock().now())
            found = [letter for feed in FEEDS for letter in letters(settings, feed).values()]
            facts["dead_letters"] = {
                "refused": sum(letter.status == "refused" for letter in found),
                "repaired": sum(letter.status == "repaired" for letter in found),
            }
    except NotReady:
        return False
    except Corrupt as error:
        # A dead letter that this release cannot read must not hide everything else.
        err.print(f"Dead letters cannot be counted: {error.wrong}")
    return True


def _shown(facts: Facts) -> Group:
    table = Table("", "", "", box=None, pad_edge=False, show_header=False)
    broker, worker = facts["broker"], facts["worker"]
    table.add_row("supervisor", _light(facts["supervisor"]["running"]), f"pid {facts['supervisor']['pid'] or '—'}")
    table.add_row("broker", _light(broker["answers"]), _process(broker) + f"  {broker['address'] or ''}")
    table.add_row("worker", _light(worker and worker["running"]), _process(worker) if worker else "not asked for")
    for address in facts["metrics"]:
        table.add_row("metrics", "", address)
    dead = facts["dead_letters"]
    table.add_row("dead letters", "", f"{dead['refused']} refused, {dead['repaired']} repaired" if dead else "unknown")
    table.add_row("marts", "", f"version {facts['marts']}" if facts["marts"] else "nothing published (zhongtai run)")
    if facts["overdue"]:
        table.add_row(
            "lake", _light(False), f"{', '.join(facts['overdue'])}: half of the retention is over (zhongtai run)"
        )
    parts = [
        table,
        *([_jobs_table(facts["jobs"])] if facts["jobs"] else []),
        *([_topics(facts)] if facts["topics"] else []),
    ]
    return Group(*parts)


def _jobs_table(jobs: Facts) -> Table:
    names = ("job", "rec/s", "parts", "keys", "batch", "commit ms", "restore s", "rejected")
    table = Table(*names, box=None, pad_edge=False)
    table.columns[0].no_wrap = True
    for column in table.columns[1:]:
        column.justify = "right"
    for job, told in jobs.items():
        table.add_row(
            job,
            f"{told['records_per_s']:,}",
            f"{told['zhongtai_partitions_live']:.0f}",
            f"{told['zhongtai_state_keys']:,.0f}",
            f"{told['zhongtai_batch_records']:,.0f}",
            f"{told['zhongtai_commit_seconds'] * 1000:.0f}",
            f"{told['zhongtai_restore_seconds']:.1f}",
            f"{told['zhongtai_rejected_total']:,.0f}",
        )
    return table


def _topics(facts: Facts) -> Table:
    table = Table("topic", "records ≤", "still to read, by group", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for topic in facts["topics"]:
        behind = [f"{group}: {lag[topic['name']]:,}" for group, lag in facts["lag"].items() if topic["name"] in lag]
        note = "settings differ (zhongtai topics apply)" if topic["differences"] else ", ".join(behind)
        table.add_row(topic["name"], f"{topic['records']:,}" if topic["exists"] else "[red]missing[/]", note)
    return table


def _process(facts: Facts) -> str:
    if facts.get("embedded") is False:
        return "your cluster"
    since: datetime | None = facts["since"]
    told = f"pid {facts['pid']} since {since:%Y-%m-%d %H:%M:%S}Z" if since else "not running"
    if facts["restarts"]:
        told += f", started again {facts['restarts']} times (last: {facts['last_exit']})"
    elif not since and facts["last_exit"]:
        told += f" ({facts['last_exit']})"
    return told


def _light(on: object) -> str:
    return "[green]●[/]" if on else "[dim]○[/]" if on is None else "[red]●[/]"


def _print_logs(settings: Settings, facts: Facts) -> None:
    from connectors import broker
    from pipelines import supervisor_state as states

    if not facts["supervisor"]["running"]:
        err.print("Start it: zhongtai up")
        state = states.read(settings.home)
        if state is None or state.phase == "stopped":
            return  # it was told to stop: nothing failed
    if facts["broker"]["running"] is False and (told := broker.log_end(settings.home)):
        err.print(f"The end of the broker's log:\n{told}", markup=False, soft_wrap=True)
    told = states.last_words(states.worker_log(settings.home))
    if facts["worker"] and not facts["worker"]["running"] and told:
        err.print(f"The end of the worker's log:\n{told}", markup=False, soft_wrap=True)
