"""Who may ask what in SQL: a role, its tables, its rows and its columns, and the SELECTs that cut them out.

DuckDB has no grants: whoever opens a file can read all of it. So a role gets a file of its own, and what the role may not
see is not in that file. Pure: definitions and the shape of the tables in, SQL out. Everything that is not allowed is left out,
and a definition that names something unknown is refused as a whole: a misspelt column would otherwise stay visible.
"""

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

import msgspec

from contracts.errors import BadInput
from onedata.catalogue import LAYERS, Words

MOST = 8
MASK = "***"
# What can be looked up live, beside the tables (OneService). `replay`: dead letters may be opened, and sent again mended;
# `segments`: audiences may be built and exported.
LIVE = ("stock", "orders", "members", "letters", "replay", "segments")
# What an export may hold in clear (segments).
CONTACTS = ("phone", "email")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
_WORD = re.compile(r'"[^"]*"|\w+')
_MEND = "Mend the definition of the roles; docs/roles.md explains it."

# table → column → DuckDB type
Shape = Mapping[str, Mapping[str, str]]


class Rows(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Only rows with one of `values` in the first of `columns` that a table has.

    A table with none of the columns must stand in `whole`, or it does not belong to the role.
    """

    columns: tuple[str, ...]
    values: tuple[str, ...]
    whole: tuple[str, ...] = ()


class Role(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`tables` and all tables of `layers`. A column is named alone (in every table) or as `table.column`.

    `masked`: text becomes `MASK`, anything else NULL. `hidden`: the column is not there.
    `sees`: secret columns (see `Roles`) that this role is given all the same. `live`: what of `LIVE` it may look up;
    of that, too, it is given its `rows` only. `reveals`: which of `CONTACTS` it may have in clear, in exports of segments.
    """

    title: Words
    tables: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    rows: Rows | None = None
    masked: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    sees: tuple[str, ...] = ()
    live: tuple[str, ...] = ()
    reveals: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not set(self.reveals) <= set(CONTACTS):
            raise ValueError(f"reveals may name {', '.join(CONTACTS)}")
        if not set(self.live) <= set(LIVE):
            raise ValueError(f"live may name {', '.join(LIVE)}")


class Roles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`secret` holds patterns of column names, also of fields within a column, that no role sees unless it `sees` them."""

    secret: tuple[str, ...]
    roles: dict[str, Role]

    def __post_init__(self) -> None:
        if len(self.roles) > MOST:
            raise ValueError(f"there are {len(self.roles)} roles; {MOST} at most, because each is a copy of its rows")
        for name in self.roles:
            if not _NAME.fullmatch(name):
                raise ValueError(f"the name {name!r} is not small letters, digits and underscores")


def roles(described: object) -> Roles:
    """The definitions that a YAML file holds. Raises `BadInput` when something is missing, misspelt or too much."""
    try:
        return msgspec.convert(described, Roles)
    except msgspec.ValidationError as error:
        raise BadInput(f"The roles are not defined well: {error}", _MEND) from None


def role_sql(name: str, defined: Roles, shape: Shape) -> dict[str, str]:
    """The SELECT of each table that the role has. Raises `BadInput` for a table or column that does not exist."""
    role = defined.roles[name]
    chosen = _tables(name, role, shape)
    for column in (*role.masked, *role.hidden, *role.sees):
        if not any(_is(column, table, own) for table in chosen for own in shape[table]):
            raise BadInput(f"Role {name}: none of its tables has a column {column}.", _MEND)
    return {table: _select_sql(name, role, defined.secret, table, shape[table]) for table in chosen}


def _tables(name: str, role: Role, shape: Shape) -> list[str]:
    wrong = [layer for layer in role.layers if layer not in LAYERS or layer == "ods"]
    if wrong:
        raise BadInput(f"Role {name}: there is no published layer {wrong[0]}.", _MEND)
    wrong = [table for table in (*role.tables, *(role.rows.whole if role.rows else ())) if table not in shape]
    if wrong:
        raise BadInput(f"Role {name}: there is no published table {wrong[0]}.", _MEND)
    return [table for table in shape if table in role.tables or table.split("_")[0] in role.layers]


def _select_sql(name: str, role: Role, secret: Iterable[str], table: str, columns: Mapping[str, str]) -> str:
    shown = []
    for column, kind in columns.items():
        if _among(role.hidden, table, column):
            continue
        if _secret(secret, column, kind) and not _among(role.sees, table, column):
            continue
        shown.append(_masked_sql(column, kind) if _among(role.masked, table, column) else f'"{column}"')
    if not shown:
        raise BadInput(f"Role {name}: no column of {table} is left.", _MEND)
    return f"SELECT {', '.join(shown)} FROM {table}{_where_sql(name, role.rows, table, columns)}"  # noqa: S608


def _masked_sql(column: str, kind: str) -> str:
    return f"'{MASK}' AS \"{column}\"" if kind == "VARCHAR" else f'NULL::{kind} AS "{column}"'


def _where_sql(name: str, rows: Rows | None, table: str, columns: Mapping[str, str]) -> str:
    if rows is None or table in rows.whole:
        return ""
    column = next((column for column in rows.columns if column in columns), None)
    if column is None:
        raise BadInput(
            f"Role {name}: its rows cannot be told in {table}, which has no column {' or '.join(rows.columns)}.",
            f"Leave the table out, or name it under rows.whole. {_MEND}",
        )
    values = ", ".join("'" + value.replace("'", "''") + "'" for value in rows.values)
    return f' WHERE "{column}"::VARCHAR IN ({values})' if values else " WHERE false"


def _secret(patterns: Iterable[str], column: str, kind: str) -> bool:
    # STRUCT("type" VARCHAR, nid VARCHAR)[] holds a nid as well as a column of that name does.
    names = {column, *(word.strip('"') for word in _WORD.findall(kind))} if "(" in kind else {column}
    return any(fnmatchcase(name.lower(), pattern) for name in names for pattern in patterns)


def _among(named: Iterable[str], table: str, column: str) -> bool:
    return any(_is(name, table, column) for name in named)


def _is(named: str, table: str, column: str) -> bool:
    return named in (column, f"{table}.{column}")
