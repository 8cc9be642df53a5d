"""A snapshot of a segment as a file for a channel. Consent is read at the moment of sending, not at that of building.

left out        because
held_out        they are left alone, to be compared with
gone            they are no member any more: merged into another, or erased
refused         they said no to the purpose
unasked         they never said yes
unreachable     with a contact to be revealed: they have none that can be opened
"""

import csv
import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from centers.segments.drawing import consent
from connectors import atomic
from connectors.settings import Settings
from contracts.clock import Clock
from contracts.errors import BadInput
from contracts.instants import spelt
from oneid.profiles import survivor, total
from pipelines.members.view import opened
from pipelines.profiles import platform_rules
from pipelines.segments.building import Snapshot, folder_of
from pipelines.segments.reading import Members
from pipelines.warehouse.roles import definitions

FORMATS = ("csv", "parquet")
LEDGER = "exports.jsonl"
REASONS = ("held_out", "gone", "refused", "unasked", "unreachable")


def may_reveal(settings: Settings, role: str, what: str) -> None:
    """Raises `BadInput` unless the role may have such values in clear."""
    known = definitions(settings.home).roles
    if role not in known or what not in known[role].reveals:
        able = [name for name, one in known.items() if what in one.reveals]
        raise BadInput(
            f"This role may not have a {what} in clear.",
            f"Roles that may: {', '.join(able) or 'none'}. See docs/roles.md.",
        )


class Exported(NamedTuple):
    """The bytes of a file, and its manifest."""

    content: bytes
    manifest: dict[str, Any]


def exported(
    settings: Settings,
    snapshot: Snapshot,
    form: str,
    clock: Clock,
    *,
    name: str,
    role: str = "",
    reveal: str = "",
    members: Members | None = None,
) -> Exported:
    """The file called `name`, for whoever sends it on. It is in the ledger when this returns.

    Raises `BadInput` when the role may not have what is to be revealed.
    """
    if reveal:
        may_reveal(settings, role, reveal)
    known = members or Members(settings)
    left = dict.fromkeys(REASONS, 0)
    chosen = [row for row in snapshot.members() if _goes(row, snapshot, known, left)]
    rows: list[dict[str, str]] = [{"member_id": row["member_id"]} for row in chosen]
    if reveal:
        values = _contacts(settings, known, reveal, [row["member_id"] for row in chosen])
        left["unreachable"] = sum(row["member_id"] not in values for row in rows)
        rows = [row | {reveal: values[row["member_id"]]} for row in rows if row["member_id"] in values]
    names = ["member_id", *([reveal] if reveal else [])]
    content = _csv(rows, names) if form == "csv" else _parquet(rows, names)
    about = {
        "segment": snapshot.manifest["segment"],
        "version": snapshot.manifest["version"],
        "snapshot": snapshot.manifest["snapshot"],
        "purpose": snapshot.manifest["purpose"],
        "exported_at": spelt(clock.now()),
        "role": role,
        "columns": names,
        "rows": len(rows),
        "left_out": left,
        "hold_out": snapshot.manifest["hold_out"] | {"sha256": _digest(snapshot)},
        "file": name,
        "format": form,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    _enter(folder_of(settings.home, snapshot.manifest["segment"]) / LEDGER, about)
    return Exported(content, about)


def written(target: Path, made: Exported) -> None:
    """Writes the file and its manifest beside it. Only their owner can read them."""
    _private(target, made.content)
    manifest = json.dumps(made.manifest, ensure_ascii=False, indent=1).encode()
    _private(target.with_name(f"{target.name}.manifest.json"), manifest)


def _goes(row: dict[str, Any], snapshot: Snapshot, known: Members, left: dict[str, int]) -> bool:
    """Whether a member of the snapshot is written to now; if not, why not."""
    nids = known.nids(row["member_id"])
    word = consent(snapshot.manifest["purpose"], (part.sums for part in known.parts(nids)))
    reason = "held_out" if row["arm"] == "held_out" else "gone" if not nids else "" if word == "given" else word
    if reason:
        left[reason] += 1
    return not reason


def _contacts(settings: Settings, known: Members, what: str, ids: list[str]) -> dict[str, str]:
    """The value that the rules choose for each member, in clear. Who has none, or one whose key is destroyed, is not there."""
    rule = platform_rules().attribute(what)
    chosen: dict[str, str] = {}
    for member in ids:
        found = survivor(total(part.sums for part in known.parts(known.nids(member))), what, rule.rule, rule.trust)
        if found:
            chosen[member] = found.value
    clear = opened(settings, (known.profiles[nid] for nid in chosen.values() if nid in known.profiles))
    return {member: clear[nid] for member, nid in chosen.items() if nid in clear}


def _csv(rows: list[dict[str, str]], names: list[str]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _parquet(rows: list[dict[str, str]], names: list[str]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, pa.schema([(name, pa.string()) for name in names])), sink)
    return bytes(sink.getvalue())


def _digest(snapshot: Snapshot) -> str:
    """Of the ids that are held out: whoever compares later can show that they are these."""
    held = sorted(row["member_id"] for row in snapshot.members() if row["arm"] == "held_out")
    return hashlib.sha256("\n".join(held).encode()).hexdigest()


def _private(path: Path, content: bytes) -> None:
    before = os.umask(0o077)
    try:
        atomic.write(path, content)
    finally:
        os.umask(before)


def _enter(ledger: Path, about: dict[str, Any]) -> None:
    with ledger.open("ab") as file:
        file.write(json.dumps(about, ensure_ascii=False).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
