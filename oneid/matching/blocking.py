"""Which pairs are looked at: those that share a key. Keys as SQL over the table of features. Pure; nothing is run here.

Many keys, because each pair of records of one person must share at least one of them, whatever was mistyped, missing or
changed. A key whose parts are not all there is NULL and joins nothing.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple

# Features of a key, with the leading or trailing characters that count: `x:4`, `x:-4`.
_KEYS = (
    # what names a person
    "i_id_number", "i_wechat", "i_card", "i_device", "i_login", "p_full", "e_full", "p_tail", "p_ends", "e_local",
    "d_full n_full", "d_full w_sur", "d_full w_giv", "n_pair d_year", "n_pair a_area", "n_pair g", "n_sound",
    "n_pair",
    # what names a household, with something of the person
    "a_road a_number a_home", "a_estate a_home", "a_place a_area", "a_road a_number", "a_text",
    "t_street t_street_number", "t_street t_postcode", "t_street t_suburb", "t_street2 t_suburb", "t_street2 w_giv",
    "t_street2 w_sur", "n_giv a_road", "n_giv a_area", "n_giv d_year", "n_giv a_city", "n_sur a_road",
    "n_sur a_area", "n_sur a_place", "n_sur d_full", "n_giv d_full", "n_part d_full", "d_full g", "d_full",
    "d_swapped n_sur", "d_full:-4 n_giv", "d_full:6 n_sur", "n_sur p_full:-4", "n_giv p_full:-4", "p_full:-6",
    "e_local:6 n_sur",
    # Latin names, often mistyped
    "w_sur w_giv", "w_sur:4 w_giv:3", "w_giv t_suburb", "w_giv t_postcode", "w_sur t_suburb", "w_sur t_postcode",
    "w_giv d_year", "w_sur d_year", "w_giv d_full:-4", "w_sur d_full:-4", "w_giv t_street_number",
    "w_sur t_street_number", "w_giv t_street", "w_sur t_street", "w_giv d_full:6", "w_sur d_full:6",
    "w_giv:1 t_street", "t_suburb t_street_number", "t_postcode t_street_number", "d_full t_suburb",
    "d_full t_postcode", "d_full:6 t_postcode", "d_full:-4 t_postcode", "d_full:6 t_suburb", "d_full:-4 t_suburb",
    "w_giv:3 t_suburb", "w_sur:3 t_suburb", "w_giv:3 t_postcode", "w_sur:3 t_postcode", "w_giv a_road",
    "w_sur a_road", "w_sur p_full:-4", "w_giv p_full:-4", "i_id_number:5", "i_id_number:-4",
    "d_full:4 t_street_number", "d_full:6 t_street_number", "w_sur a_number", "w_giv a_number", "w_giv", "w_sur",
    "n_giv g d_year", "t_street", "t_postcode d_year", "t_suburb d_year",
)  # fmt: skip


class Key(NamedTuple):
    column: str
    sql: str
    parts: tuple[str, ...]


def keys(present: Collection[str]) -> list[Key]:
    """The keys that these features can make, the most telling first."""
    found: list[Key] = []
    for text in _KEYS:
        parts = tuple(text.split())
        if {p.partition(":")[0] for p in parts} <= set(present):
            found.append(Key(f"k{len(found)}", " || '\x1f' || ".join(map(_part_sql, parts)), parts))
    return found


def _part_sql(part: str) -> str:
    feature, _, length = part.partition(":")
    if not length:
        # A masked number is the same text as another masked one too often to be a key.
        return f"(case when p_open is null then {feature} end)" if feature == "p_full" else feature
    size = abs(int(length))
    side = "right" if length.startswith("-") else "left"
    return f"(case when length({feature}) >= {size} then {side}({feature}, {size}) end)"


def keyed_sql(table: str, keys: Iterable[Key], most: int) -> str:
    """The table with a column for each key, NULL where more than `most` records share it: such a key tells little."""
    named = ", ".join(f"{k.sql} as {k.column}" for k in keys)
    capped = ", ".join(
        f"case when count({k.column}) over (partition by {k.column}) between 2 and {most} then {k.column} end as {k.column}"
        for k in keys
    )
    names = ", ".join(k.column for k in keys)
    return f"with keyed as (select *, {named} from {table}) select * exclude ({names}), {capped} from keyed"  # noqa: S608


def pairs_sql(table: str, key: Key) -> str:
    """One row: how many pairs share the key."""
    sizes = f"select count(*)::bigint as n from {table} where {key.column} is not null group by {key.column}"  # noqa: S608
    return f"select coalesce(sum(n * (n - 1) // 2), 0)::bigint from ({sizes})"  # noqa: S608


def within_budget(counts: Iterable[tuple[Key, int]], budget: int) -> list[Key]:
    """The keys to use, in order, leaving out each that would pass the budget of pairs in all, and those without pairs."""
    chosen, spent = [], 0
    for key, pairs in counts:
        if 0 < pairs <= budget - spent:
            chosen.append(key)
            spent += pairs
    return chosen
