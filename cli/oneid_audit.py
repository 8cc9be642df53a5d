"""`zhongtai oneid audit`: is the live map what everything known comes to?"""

from typing import TYPE_CHECKING

import typer
from rich.table import Table

from cli.console import err, last_line
from connectors.settings import load

if TYPE_CHECKING:
    from oneid.audit import Health
    from pipelines.identity.auditing import Audit


def audit() -> None:
    """Resolve everything that is known anew, at leisure, and compare it with the live map, identifier by identifier.

    Also shows the shape of the graph: identifiers and members, the largest of them, values that are nobody's (generic), and
    which rules refused how many edges. Nothing is changed. When the workers are too busy to be read between two commits, they
    pause for a moment.

    Exit status: 0 the map is right, 1 it differs (call a person; `zhongtai oneid apply` with the rules in force tells the
    whole map anew), 4 Kafka or the workers do not answer.
    """
    settings = load()
    from pipelines.identity.auditing import audit as audited

    with err.status("Auditing members") as status:
        found = audited(settings, lambda now: status.update(f"Auditing members: {now}"))
    err.print(graph(found.health))
    err.print(_verdict(found), soft_wrap=True)
    last_line(**facts(found))
    if found.different:
        raise typer.Exit(1)


def facts(found: "Audit") -> dict[str, object]:
    """The last line."""
    shape = found.health
    return {
        "audit": "different" if found.different else "equal",
        "identifiers": shape.identifiers,
        "members": shape.members,
        "different": found.different,
        "largest": shape.largest[0][1] if shape.largest else 0,
        "generic": sum(shape.generic.values()),
        "recycled": shape.recycled,
        "refused": sum(shape.refused.values()),
    }


def graph(shape: "Health") -> Table:
    """Graph health, to people."""
    shown = Table("graph", "图谱", "", "")
    shown.columns[3].justify = "right"
    each = f"{shape.identifiers / shape.members:.2f}" if shape.members else "0"
    rows: list[tuple[str, str, str, int | str]] = [
        ("identifiers", "标识", "", shape.identifiers),
        *(("", "", type, n) for type, n in sorted(shape.by_type.items(), key=lambda one: -one[1])),
        ("members", "会员", "", shape.members),
        ("identifiers a member", "人均标识数", "", each),
        *(("", "", f"of {size}", n) for size, n in list(shape.sizes.items())[:8]),
        ("largest members", "最大会员", "", ""),
        *(("", "", f"born as {birth[:18]}…", size) for birth, size in shape.largest[:5]),
        ("generic values (nobody's)", "公共标识", "", sum(shape.generic.values())),
        *(("", "", type, n) for type, n in sorted(shape.generic.items())),
        ("recycled values", "换主标识", "", shape.recycled),
        ("refused edges", "被拒关联", "", sum(shape.refused.values())),
        *(("", "", rule, n) for rule, n in sorted(shape.refused.items(), key=lambda one: -one[1])),
    ]
    for english, chinese, what, value in rows:
        shown.add_row(english, chinese, what, f"{value:,}" if isinstance(value, int) else value)
    return shown


def _verdict(found: "Audit") -> str:
    if not found.different:
        return f"[bold green]The map of all {found.health.identifiers:,} identifiers is what F says.[/]"
    return f"[bold red]{found.different:,} identifiers differ[/]: {', '.join(found.examples)}"
