"""`zhongtai member show`: a member from all sides."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from cli.console import err, last_line, out
from connectors.settings import load
from contracts.instants import spelt
from contracts.money import DECIMALS

if TYPE_CHECKING:
    from contracts.members import Seen, Sums
    from oneid.rules import Rules
    from pipelines.members.view import View

FEW = 5
CHANNELS = {"till": "till 门店", "web": "web 网店", "app": "app 应用"}


def show(
    identifier: Annotated[str, typer.Argument(help="A phone number, card …, TYPE:VALUE, a nid, or a member id (m-…).")],
    clear: Annotated[
        bool, typer.Option("--clear", help="Show values in clear, as far as their keys are not destroyed.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Everything as one JSON object, instead of tables.")] = False,
) -> None:
    """Show a member from all sides: identifiers, ways to be reached, orders, spend, visits, shops, categories, consents.

    It is read from the topics as they stand, and added up over all identifiers that are the member's now.

        zhongtai member show 13812345678\n
        zhongtai member show card:C0001 --clear

    Exit status: 0 found, 1 nobody has this identifier, 2 it could be several people's, 4 Kafka does not answer.
    """
    from pipelines.members.directory import Directory
    from pipelines.members.known import known
    from pipelines.members.view import view

    settings = load()
    with err.status("Looking up"):
        member = Directory(settings).find(identifier)
        rules = known(settings).rules
        found = view(settings, member, rules, clear=clear)
    if json:
        last_line(**whole(found))
        return
    out.print(f"[bold]{member.id}[/]", markup=True)
    out.print(identifiers(found, rules))
    out.print(profile(found.sums))
    if found.contacts:
        out.print(contacts(found, rules))
    last_line(**facts(found))


def facts(found: "View") -> dict[str, object]:
    """The last line: the sums."""
    sums = found.sums
    return {
        "member": found.member.id,
        "identifiers": len(found.member.entries),
        "orders": sums.orders,
        "visits": sums.visits,
        "spend_cents": dict(sorted(sums.spend.items())),
        "stores": len(sums.stores),
    }


def whole(found: "View") -> dict[str, Any]:
    """The view as one object. `value` is there with --clear, for what opens."""
    listed = []
    for entry in found.member.entries:
        seen = _span(found.own[entry.nid].sums.channels) if entry.nid in found.own else None
        one = {"nid": entry.nid, "confidence": entry.confidence} | (
            {"first_at": _at(seen.first), "last_at": _at(seen.last)} if seen else {}
        )
        listed.append(one | ({"value": found.values[entry.nid]} if entry.nid in found.values else {}))
    chosen = [
        {"attribute": c.attribute, "rule": c.rule, "nid": c.survivor.value, "source": c.survivor.source}
        for c in found.contacts
    ]
    sums = msgspec.json.decode(msgspec.json.encode(found.sums, order="deterministic"))
    return {"member": found.member.id, "identifiers": listed, "contacts": chosen, "profile": sums}


def identifiers(found: "View", rules: "Rules") -> Table:
    """What is the member's, the identifier that was asked for marked. Nothing is cut: people copy nids from it."""
    table = Table("", "identifier 标识", "sure %", "first", "last", *(["value 明文"] if found.values else []), box=None)
    for column in table.columns:
        column.overflow = "fold"
    for entry in found.member.entries:
        title = rules.identifiers[entry.nid.partition(":")[0]].title
        seen = _span(found.own[entry.nid].sums.channels) if entry.nid in found.own else None
        days = [_at(seen.first)[:10], _at(seen.last)[:10]] if seen else ["", ""]
        value = [Text(found.values.get(entry.nid, "✗"))] if found.values else []
        asked = "→" if entry.nid == found.member.nid else ""
        name = Text(f"{title.en} {title.zh}\n{entry.nid}")
        table.add_row(asked, name, str(entry.confidence), *days, *value)
    return table


def profile(sums: "Sums") -> Table:
    table = Table("profile", "画像", "", box=None)
    for english, chinese, value in _rows(sums):
        table.add_row(english, chinese, Text(value))
    return table


def _rows(sums: "Sums") -> Iterator[tuple[str, str, str]]:
    from oneid.profiles import distinct_skus

    yield "orders", "订单数", f"{sums.orders:,}"
    yield (
        "spend, less what was paid back",
        "净消费",
        ", ".join(_money(cents, c) for c, cents in sorted(sums.spend.items())),
    )
    yield "visits (receipts, pages)", "到访次数", f"{sums.visits:,}"
    yield "different products", "商品种数", f"{distinct_skus(sums):,}"
    for channel, seen in sorted(sums.channels.items()):
        yield f"seen: {CHANNELS[channel].split()[0]}", f"首末次：{CHANNELS[channel].split()[1]}", _period(seen)
    yield "shops", "门店", _most(sums.stores)
    yield "departments", "品类", _most(sums.categories)
    yield "promotions used", "使用优惠", _some(sorted(sums.coupons))
    yield "tags", "标签", _some(sorted(sums.tags))
    for purpose, word in sorted(sums.consents.items()):
        said = "refused 拒绝" if word.refused else "given 同意"
        yield f"consent: {purpose}", f"授权：{purpose}", f"{said}, {_at(word.at)}, {word.source}"


def contacts(found: "View", rules: "Rules") -> Table:
    table = Table("reached by 联系方式", "chosen as", "said by", "last", box=None)
    for attribute, rule, said in found.contacts:
        title = rules.identifiers[attribute].title
        value = found.values.get(said.value, said.value)
        table.add_row(Text(f"{title.en} {title.zh}\n{value}"), rule, said.source, _at(said.claim.last)[:10])
    return table


def _span(channels: Mapping[str, "Seen"]) -> "Seen | None":
    from contracts.members import Seen

    if not channels:
        return None
    return Seen(min(seen.first for seen in channels.values()), max(seen.last for seen in channels.values()))


def _period(seen: "Seen") -> str:
    return f"{_at(seen.first)[:16]} … {_at(seen.last)[:16]}"


def _at(second: int) -> str:
    return spelt(datetime.fromtimestamp(second, UTC))


def _money(cents: int, currency: str) -> str:
    places = DECIMALS.get(currency, 2)
    return f"{cents / 10**places:,.{places}f} {currency}"


def _most(counts: Mapping[str, int]) -> str:
    first = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return _some([f"{name} × {n}" for name, n in first])


def _some(names: list[str]) -> str:
    more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    return ", ".join(names[:FEW]) + more
