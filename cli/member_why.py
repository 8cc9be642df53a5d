"""`zhongtai member why`: the chain of evidence between two identifiers, or the rule that refused it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from cli.console import err, last_line, out
from connectors.settings import load
from contracts.errors import BadInput
from contracts.instants import spelt

if TYPE_CHECKING:
    from oneid.resolve import Edge
    from oneid.rules import Rules
    from oneid.why import Why
    from pipelines.members.known import Known


def why(
    a: Annotated[str, typer.Argument(help="An identifier, as `member show` takes it.", metavar="A")],
    b: Annotated[str, typer.Argument(help="Another one.", metavar="B")],
) -> None:
    """Say why two identifiers are one person's: the chain of evidence. Or why they are not: the rule that refused it.

        zhongtai member why card:C0001 13812345678

    Exit status: 0 answered, 1 nobody has one of them, 2 one could be several people's, 4 Kafka does not answer.
    """
    from oneid.reasons import dead
    from oneid.why import why as reasons
    from pipelines.members.directory import Directory
    from pipelines.members.known import between, known, nobodys, resolution

    settings = load()
    with err.status("Reading what is known"):
        directory = Directory(settings)
        nids = [found.nid or found.nids[0] for found in map(directory.find, (a, b))]
        what = known(settings)
        answer, dossier = resolution(what, *nids)
        blocked, generic = nobodys(what)
    found = reasons(answer, *nids)
    if found is None:
        raise BadInput("Nothing is known of one of the two.", "Its evidence may still be on the way: zhongtai status")
    if found.together:
        out.print("[bold]One person 同一人[/]" if found.path else "[bold]The same identifier 同一标识[/]")
    else:
        out.print("[bold]Two people 不是同一人[/]")
    forbidden = between(answer, dossier.cannot, *nids)
    for pair in forbidden:
        out.print("  " + ruled(what, *pair), markup=False)
    for nid in dict.fromkeys(nids):
        words = dead(nid, what.rules, nid in blocked, nid in generic)
        if words:
            out.print("  " + " ".join(words), markup=False)
    if found.path or found.refused:
        out.print(chain(found, what.rules))
    elif not found.together and not forbidden:
        out.print("  No evidence stands between them. 两者之间没有任何证据。")
    last_line(
        why="together" if found.together else "apart",
        path=len(found.path),
        refused=[decision.rule for decision in found.refused] + ["cannot_link"] * len(forbidden),
    )


def ruled(what: "Known", a: str, b: str) -> str:
    """A steward's word that keeps two identifiers apart, with who said it and why."""
    from oneid.reasons import refused
    from pipelines.members.known import words_on

    words = " ".join(refused("cannot_link", what.rules))
    said = next((w for w in words_on(what) if w.kind == "cannot_link" and {w.a, w.b} == {a, b}), None)
    return f"{words} {a} | {b}" + (f" ({said.by}, {said.at[:10]}: {said.reason})" if said else "")


def chain(found: "Why", rules: "Rules") -> Table:
    """The edges of the path, or those that were refused, each with what is known of it."""
    from oneid.reasons import joined, refused, supported

    table = Table(
        "from … to 标识",
        "evidence 证据",
        "first seen",
        *(["refused because 拒绝原因"] if found.refused else []),
        box=None,
    )
    for column in table.columns:
        column.overflow = "fold"
    for edge, rule in [(edge, "") for edge in found.path] or [(d.edge, d.rule) for d in found.refused]:
        words = [*joined(edge.cls)]
        if edge.first:
            words += [f"{english} {chinese}" for english, chinese in [supported(edge.support)]]
        because = ["\n".join(refused(rule, rules))] if found.refused else []
        table.add_row("\n".join(_ends(edge, rules)), "\n".join(words), _at(edge.first), *because)
    return table


def _ends(edge: "Edge", rules: "Rules") -> list[str]:
    found = []
    for node in (edge.a, edge.b):
        title = rules.identifiers[node.partition(":")[0]].title
        found.append(f"{title.en} {title.zh}\n{node}")
    return found


def _at(second: int) -> str:
    return spelt(datetime.fromtimestamp(second, UTC))[:10] if second else ""
