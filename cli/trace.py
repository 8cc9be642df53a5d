"""`zhongtai trace`: one receipt, from the line of the file to the figure of the day."""

import sys
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.markup import escape
from rich.tree import Tree

from cli.console import err, out
from connectors.settings import load

if TYPE_CHECKING:
    from contracts.receipts import Origin
    from pipelines.trace import Trace


def trace(
    receipt: Annotated[str, typer.Argument(help="STORE/TILL/DATE/NUMBER, a receipt id, or FILE:LINE.")],
    json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a tree.")] = False,
) -> None:
    """Show every place where one receipt stands: its line, its raw record, its event, its stock, the figure of its day.

    Identifiers of customers are masked. Exit status: 0 found, 1 no such receipt, 4 nothing is published or running.
    """
    from pipelines.trace import trace as walk

    found = walk(load(), receipt, lambda words: err.print(words, markup=False))
    if json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    else:
        # A narrow terminal wraps: cutting off would lose the very ids that were asked for.
        out.print(tree(found), soft_wrap=False)


def tree(found: "Trace") -> Tree:
    """The trace as a tree: what came first stands first."""
    r = found.receipt
    top = Tree(f"[bold]receipt {escape('/'.join(str(r[k]) for k in ('store', 'till', 'business_date', 'number')))}[/]")
    if found.origin.file:
        top.add(f"file {escape(found.origin.file)}, line {found.origin.line}")
    raw = top.add(_where(found.origin))
    raw.add(escape(msgspec.json.encode(found.raw).decode()) if found.raw else f"[yellow]{escape(found.raw_note)}[/]")
    event = top.add(_where(found.event))
    event.add(f"receipt_id {found.receipt_id}")
    event.add(
        escape(
            f"{r['kind']}, {_counted(len(found.movements), 'stock movement')}, {r['total_cents']} cents {r['currency']}"
        )
    )
    for token in msgspec.convert(r["identifiers"], list[dict[str, str]]):
        event.add(escape(f"{token['type']} nid {token['nid']}"))
    _add_stock(top, found)
    _add_day(top, found)
    return top


def _add_stock(top: Tree, found: "Trace") -> None:
    stock = top.add("event.stock_movement")
    for m in found.movements:
        entry = stock.add(f"line {m.line}: {escape(m.sku)} at {escape(m.location)} {m.quantity:+d} {escape(m.unit)}")
        entry.add(f"partition {m.partition}, offset {m.offset}, movement {m.movement_id}")
        entry.add("no level yet" if m.level is None else f"state.stock_level: on hand now {m.level}")
    if not found.movements:
        stock.add("[yellow]none yet: the stock job has not come to it[/]")


def _add_day(top: Tree, found: "Trace") -> None:
    if found.day is None:
        top.add("[yellow]not published yet: zhongtai run[/]")
        return
    day = top.add(f"dws_trade_store_1d, published version {found.published_version}")
    day.add(escape(", ".join(f"{name} {value}" for name, value in found.day.items())))


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def _where(place: "Origin") -> str:
    return f"{place.topic} partition {place.partition}, offset {place.offset}"
