"""The moves of a plan as a file: an identifier a row, with its member now and then, what becomes of it, and why."""

import io
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from connectors import atomic
from contracts.errors import BadInput
from oneid.evidence import kind
from oneid.plan import Move

SCHEMA = pa.schema(
    [
        ("nid", pa.string()),
        ("type", pa.string()),
        ("before", pa.string()),
        ("after", pa.string()),
        ("kind", pa.string()),
        ("causes", pa.list_(pa.string())),
    ]
)
VALUE = pa.field("identifier", pa.string())
REFUSALS = (OSError, pa.ArrowException)


def write(path: Path, moves: Iterable[Move], values: Mapping[tuple[str, str], str] | None = None) -> None:
    """Replace the file whole, sorted by nid. A member that there is not is null.

    With `values` (type and value as written → nid), as a file of events has them, each move has a row for each way in which its
    value was written, and `identifier`, which is `type:value`, leads the columns.
    """
    if values is None:
        table = pa.Table.from_pylist([_row(move) for move in moves], SCHEMA)
    else:
        written: dict[str, list[str]] = {}
        for (type, value), nid in sorted(values.items()):
            written.setdefault(nid, []).append(f"{type}:{value}")
        rows = [{VALUE.name: one} | _row(move) for move in moves for one in written.get(move.nid, ())]
        table = pa.Table.from_pylist(rows, pa.schema([VALUE, *SCHEMA]))
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    atomic.write(path, sink.getvalue())


def read(path: Path) -> dict[str, tuple[str, str]]:
    """Identifier → its member before and after, "" for none. Raises `BadInput` when it is no such file."""
    try:
        columns = pq.read_table(path, columns=["nid", "before", "after"]).to_pydict()
    except REFUSALS as error:
        raise BadInput(
            f"{path} is no file of moves: {type(error).__name__}.", "Make one: zhongtai oneid plan RULES --out FILE"
        ) from None
    if len(columns) != 3:
        raise BadInput(f"{path} is no file of moves.", "Make one: zhongtai oneid plan RULES --out FILE")
    return {
        nid: (before or "", after or "")
        for nid, before, after in zip(columns["nid"], columns["before"], columns["after"], strict=True)
    }


def _row(move: Move) -> dict[str, object]:
    return {
        "nid": move.nid,
        "type": kind(move.nid),
        "before": move.before or None,
        "after": move.after or None,
        "kind": move.kind,
        "causes": list(move.causes),
    }
