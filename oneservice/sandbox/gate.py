"""Whether a statement only asks: one SELECT over tables of the file, with functions that only compute. Pure.

It reads DuckDB's own parse (`json_serialize_sql`), never the text: comments, quotes and spelling cannot hide anything.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

# Table functions make rows out of something; these make them out of their arguments.
MAKERS = frozenset({"range", "generate_series", "unnest", "json_each", "json_tree"})
# What the file holds, as the SQL standard lets people ask.
CATALOGUE = {("information_schema", "tables"), ("information_schema", "columns")}
# Scalar functions that tell of the process, or that outlive the question.
TELLING = frozenset(
    {"current_setting", "getenv", "getvariable", "write_log", "txid_current", "parse_duckdb_log_message"}
)
SHOWN = ("", '"tables"')


class Refusal(NamedTuple):
    """Why a statement is not run, and what to do."""

    code: str
    wrong: str
    do: str


NOT_ONE = Refusal(
    "not_one_select",
    "Only one statement that reads is allowed.",
    "SELECT …, FROM …, WITH …, VALUES …, SHOW TABLES, DESCRIBE … or SUMMARIZE … A PIVOT needs its values: IN (…).",
)


def refusal(parsed: Mapping[str, Any], tables: Iterable[str]) -> Refusal | None:
    """None when the statement may run. `parsed` is the answer of `json_serialize_sql`; `tables` are the file's."""
    if parsed.get("error") or len(parsed.get("statements", ())) != 1:
        return NOT_ONE
    known = {name.lower() for name in tables}
    nodes = list(_nodes(parsed))
    named = known | {cte.lower() for node in nodes for cte in _ctes(node)}
    return next((found for node in nodes if (found := _node_refusal(node, named, known))), None)


def _node_refusal(node: Mapping[str, Any], named: set[str], known: set[str]) -> Refusal | None:
    kind = node.get("type")
    if kind == "BASE_TABLE":
        return _table_refusal(node, named, known)
    if kind == "TABLE_FUNCTION":
        function = node.get("function") or {}
        if _called(function) not in MAKERS:
            do = f"Table functions: {', '.join(sorted(MAKERS))}. Tables: SHOW TABLES."
            return Refusal("function_not_allowed", "A table function that is used here is not allowed.", do)
    if kind == "SHOW_REF" and str(node.get("table_name") or "") not in SHOWN:
        return Refusal(
            "not_one_select", "Only SHOW TABLES shows something here.", "DESCRIBE TABLE_NAME describes a table."
        )
    if node.get("class") == "FUNCTION" and _called(node) in TELLING:
        do = "Leave it out: functions that compute from columns are allowed."
        return Refusal("function_not_allowed", "A function that is used here tells of the machine.", do)
    return None


def _table_refusal(node: Mapping[str, Any], named: set[str], known: set[str]) -> Refusal | None:
    schema, name = str(node.get("schema_name") or "").lower(), str(node.get("table_name") or "").lower()
    if (schema, name) in CATALOGUE or (not schema and name in named) or (schema == "main" and name in known):
        return None
    do = f"Tables: {', '.join(sorted(known))}." if known else "Your role has no table."
    return Refusal("no_such_table", "Your role sees no table of a name that is used here.", do)


def _called(function: Mapping[str, Any]) -> str:
    return str(function.get("function_name") or "").lower()


def _ctes(node: Mapping[str, Any]) -> Iterator[str]:
    entries = (node.get("cte_map") or {}).get("map") or () if isinstance(node.get("cte_map"), Mapping) else ()
    for entry in entries:
        yield str(entry.get("key") or "")
    if node.get("type") == "RECURSIVE_CTE_NODE":
        yield str(node.get("cte_name") or node.get("ctename") or "")


def _nodes(tree: object) -> Iterator[Mapping[str, Any]]:
    """Every object of the parse, however deep: without recursion, since the depth is the caller's."""
    left = [tree]
    while left:
        one = left.pop()
        if isinstance(one, Mapping):
            yield one
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)
