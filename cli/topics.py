"""`zhongtai topics`: the topic table, and the cluster made to match it."""

import typer
from rich.table import Table

from cli.console import err, last_line, out
from connectors.settings import load

app = typer.Typer(
    help="Topics (主题): the table of all that exist, and the cluster made to match it. Nothing else creates a topic.",
    no_args_is_help=True,
)


@app.command()
def apply() -> None:
    """Create the topics that are missing, and put back settings that were changed. The second time it changes nothing.

    Another number of partitions is refused, because keys would move to other
    partitions than their earlier records. Settings that the table does not
    mention are left as they are. `zhongtai up` does this too.
    """
    from connectors.topics import apply as apply_topics

    with err.status("Applying the topics"):
        done = apply_topics(load())
    for name, what in done:
        out.print(f"{what:10} {name}")
    counts = [what for _, what in done]
    last_line(**{what: counts.count(what) for what in ("created", "changed", "unchanged")})


@app.command("list")
def list_() -> None:
    """Show the topic table: what each topic holds and how long it is kept. Asks no broker."""
    from contracts.topics import TOPICS

    table = Table("topic", "holds", "中文", "kept", box=None, pad_edge=False)
    for topic in TOPICS:
        kept = "for ever" if topic.retention_days is None else f"{topic.retention_days} days"
        kept = f"{kept}, newest of each key" if topic.compacted else kept
        table.add_row(topic.name, *topic.title, kept)
    out.print(table)
    last_line(topics=len(TOPICS))
