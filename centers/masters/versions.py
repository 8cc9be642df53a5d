"""Which change of a key counts: the newest by its place in the source, whatever order changes come in. Pure."""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from contracts.masters import Change, DropEnd, MasterMark, Position, Row


def newer(position: Position, than: Position) -> bool:
    """Whether a change comes after another: by version within a source, and by the clock between two sources."""
    if position.source == than.source:
        return position.version > than.version
    return position.at[:-1] > than.at[:-1]


def settle(
    tenant: str, old: MasterMark | None, full: MasterMark | None, row: Row
) -> tuple[MasterMark | None, Change | None]:
    """The mark of a row's key after the row, and what kind of event it makes; (None, …) when it is not taken.

    A change that is no newer than what is known is a repeat or late: it is not taken. One that changes nothing makes no
    event. A row of a drop older than the last full drop, of a key that drop did not hold, is missing from the start.
    """
    if old is not None and not newer(row.position, old.position):
        return None, None
    mark = MasterMark(tenant=tenant, table=row.table, position=row.position, change="upsert", cells=row.cells)
    if row.deleted:
        cells = old.cells if old else row.cells
        known = old is not None and old.change != "deleted"
        return replace(mark, change="deleted", cells=cells), "deleted" if known else None
    if full is not None and row.position.source == "csv" and newer(full.position, row.position):
        return replace(mark, position=full.position, change=full.change), None
    if old is not None and old.change == "upsert" and old.cells == row.cells:
        return mark, None
    return mark, "upsert"


def ended(
    tenant: str, marks: Mapping[bytes, MasterMark], full: MasterMark | None, end: DropEnd
) -> Iterator[tuple[bytes | None, MasterMark]]:
    """What the end of a full drop changes: the marks of the table's keys that no row of it held, and its own (key None).

    Ends come in any order and any number of times: an older one than the last changes nothing any more.
    """
    if end.missing == "ignored" or (full is not None and not newer(end.position, full.position)):
        return
    for key, mark in marks.items():
        stands = mark.change == "upsert" or (mark.change == "discontinued" and end.missing == "deleted")
        if stands and mark.position.source == "csv" and newer(end.position, mark.position):
            yield key, replace(mark, position=end.position, change=end.missing)
    yield None, MasterMark(tenant=tenant, table=end.table, position=end.position, change=end.missing, cells={})
