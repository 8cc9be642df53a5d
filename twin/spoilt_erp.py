"""Change envelopes that must be refused, by the code with which they must be."""

from typing import Any

from twin.spoiling import Spoiler, changed, cut_off, gbk, put, without


def _row(table: str, **change: Any) -> Spoiler:
    """A row of `table` with values changed."""

    def do(whole: dict[str, Any], _rank: int) -> bool:
        row = whole["after"]
        if whole["source"]["table"] != table or not row:
            return False
        row |= change
        return True

    return changed(do)


def _renamed_column(whole: dict[str, Any], _rank: int) -> bool:
    row = whole["after"]
    if whole["source"]["table"] != "purchase_order" or not row:
        return False
    row["vendor"] = row.pop("supplier")
    return True


DEBEZIUM: dict[str, Spoiler] = {
    "not_json": cut_off,
    "not_utf8": gbk,
    # A column that a release renamed, and a table that was added to the export.
    "missing": changed(_renamed_column),
    "erp_operation": put("x", "op"),
    "unknown_currency": _row("purchase_order", currency="RMB"),
    "bad_amount": _row("purchase_order_line", price="1.234"),
    "bad_time": _row("purchase_order", ordered_at="yesterday"),
    "erp_table": put("loyalty_card", "source", "table"),
    "erp_position": without("source", "lsn"),
    "unknown_zone": _row("store", zone="Asia/Peking"),
}
