"""Change envelopes that must be refused, by the code with which they must be."""

from typing import Any

from twin.spoiling import Spoiler, changed, cut_off, gbk, put


def _row(table: str, **change: Any) -> Spoiler:
    """A row of `table` with values changed; a value of None takes the column away."""

    def do(whole: dict[str, Any], _rank: int) -> bool:
        row = whole["after"]
        if whole["source"]["table"] != table or not row:
            return False
        row |= change
        for name in [name for name, value in change.items() if value is None]:
            del row[name]
        return True

    return changed(do)


DEBEZIUM: dict[str, Spoiler] = {
    "not_json": cut_off,
    "not_utf8": gbk,
    "missing": _row("purchase_order", supplier=None),
    "bad_value": put("x", "op"),
    "unknown_currency": _row("purchase_order", currency="RMB"),
    "bad_amount": _row("purchase_order_line", price="1.234"),
    "bad_time": _row("purchase_order", ordered_at="yesterday"),
    "unknown_zone": _row("store", zone="Asia/Peking"),
}
