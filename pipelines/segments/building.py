"""A snapshot of a segment: who is in it now, by which definition, and who is held out. Immutable, behind a pointer.

<home>/segments/<name>/<n>/manifest.json, members.parquet        a path is never used twice
<home>/segments/<name>/CURRENT                                   n
<home>/segments/<name>/arms-<seed>.jsonl      the arm that was drawn, at each identifier, for good
"""

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from centers.segments.definition import Definition, means, says, spelt
from centers.segments.drawing import Arm, arm, consent
from connectors import atomic, processes
from connectors.settings import Settings
from contracts.clock import Clock
from contracts.errors import BadInput, NotReady
from contracts.instants import spelt as spelt_moment
from pipelines.segments.reading import Members, definitions, find

POINTER = "CURRENT"
COLUMNS = pa.schema(
    [("member_id", pa.string()), ("arm", pa.string()), ("consent", pa.string()), ("nids", pa.list_(pa.string()))]
)


class Snapshot(NamedTuple):
    folder: Path
    manifest: dict[str, Any]

    def members(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = pq.read_table(self.folder / "members.parquet").to_pylist()
        return rows


def folder_of(home: Path, name: str) -> Path:
    return home / "segments" / name


def current(home: Path, name: str) -> Snapshot:
    """The snapshot that stands. Raises `NotReady` when the segment was never built."""
    folder = folder_of(home, name)
    try:
        standing = folder / (folder / POINTER).read_text().strip()
        return Snapshot(standing, json.loads((standing / "manifest.json").read_bytes()))
    except FileNotFoundError:
        raise NotReady(f"Segment {name} has not been built.", f"Run: zhongtai segments build {name}") from None


def overview(settings: Settings) -> list[dict[str, Any]]:
    """Every segment that is defined: `segment`, `version`, `title`, and the manifest of its last build (`built`, or None).

    Raises `BadInput` when a definition cannot be used.
    """
    found = []
    for name in definitions(settings):
        by = find(settings, name)
        try:
            built = current(settings.home, name).manifest
        except NotReady:
            built = None
        title = {"zh": by.title.zh, "en": by.title.en}
        found.append({"segment": name, "version": by.version, "title": title, "built": built})
    return found


def fit(settings: Settings, name: str) -> Snapshot:
    """The snapshot that stands, when it is of the definition as it is now. Raises `NotReady` or `BadInput`."""
    by, snapshot = find(settings, name), current(settings.home, name)
    if snapshot.manifest["version"] != by.version:
        raise BadInput(
            f"The snapshot is of version {snapshot.manifest['version']}, the definition of {by.version}.",
            f"Build it again: zhongtai segments build {name}",
        )
    return snapshot


def build(settings: Settings, by: Definition, clock: Clock, members: Members | None = None) -> Snapshot:
    """Builds the segment from what is known now, and makes it the one that stands. One at a time; safe to kill."""
    folder = folder_of(settings.home, by.segment)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with processes.lock(folder / "lock"):
            return _build(folder, by, clock, members or Members(settings))
    except processes.Held:
        raise NotReady(f"Segment {by.segment} is being built.", "Wait until that has ended.") from None


def _build(folder: Path, by: Definition, clock: Clock, members: Members) -> Snapshot:
    drawn = folder / f"arms-{sha256((by.hold_out.seed if by.hold_out else '').encode()).hexdigest()[:12]}.jsonl"
    remembered = _arms(drawn)
    passed, unknown = [0] * len(by.all), [0] * len(by.all)
    rows: list[dict[str, Any]] = []
    everybody = unsure = 0
    for member, nids, facts in members.each():
        everybody += 1
        said = [says(clause, facts) for clause in by.all]
        passed = [n + (one is True) for n, one in zip(passed, said, strict=True)]
        unknown = [n + (one is None) for n, one in zip(unknown, said, strict=True)]
        meant = means(by, facts)
        unsure += meant is None
        if meant or (meant is None and by.unknown == "in"):
            mine = arm(by.hold_out, member, nids, remembered)
            word = consent(by.purpose, (part.sums for part in members.parts(nids)))
            rows.append({"member_id": member, "arm": mine, "consent": word, "nids": nids})
    clauses = [{"clause": spelt(clause), "passed": passed[n], "unknown": unknown[n]} for n, clause in enumerate(by.all)]
    about = _about(by, rows) | {
        "members": everybody,
        "unknown": unsure,
        "clauses": clauses,
        "built_at": spelt_moment(clock.now()),
        "tags_known_at": members.tags_known_at,
        "map_version": members.map_version,
    }
    _remember(drawn, remembered, rows)
    return _write(folder, about, rows)


def _about(by: Definition, rows: list[dict[str, Any]]) -> dict[str, Any]:
    held = by.hold_out
    words = [row["consent"] for row in rows]
    return {
        "segment": by.segment,
        "version": by.version,
        "title": {"zh": by.title.zh, "en": by.title.en},
        "purpose": by.purpose,
        "matched": len(rows),
        "hold_out": {
            "percent": held.percent if held else 0,
            "seed": held.seed if held else "",
            "members": sum(row["arm"] == "held_out" for row in rows),
            "mixed": sum(row["arm"] == "mixed" for row in rows),
        },
        "consent": {word: words.count(word) for word in ("given", "refused", "unasked")},
        "exportable": sum(row["arm"] != "held_out" and row["consent"] == "given" for row in rows),
    }


def _arms(file: Path) -> dict[str, Arm]:
    try:
        lines = file.read_bytes().splitlines()
    except FileNotFoundError:
        return {}
    return dict(msgspec.json.decode(line, type=tuple[str, Arm]) for line in lines)


def _remember(file: Path, before: dict[str, Arm], rows: list[dict[str, Any]]) -> None:
    """Before the snapshot stands: a draw that was told is never another one later."""
    now = dict(before)
    for row in rows:
        for nid in row["nids"]:
            # An identifier keeps what it was drawn as; a new one gets what its member is.
            now.setdefault(nid, row["arm"])
    if now != before:
        lines = b"".join(msgspec.json.encode(pair) + b"\n" for pair in sorted(now.items()))
        atomic.write(file, lines)


def _write(folder: Path, about: dict[str, Any], rows: list[dict[str, Any]]) -> Snapshot:
    numbers = [int(path.name) for path in folder.iterdir() if path.name.isdecimal()]
    number = max(numbers, default=0) + 1
    building = folder / f"{number}.building"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(mode=0o700)
    pq.write_table(pa.Table.from_pylist(rows, COLUMNS), building / "members.parquet")
    manifest = about | {"snapshot": number}
    atomic.write(building / "manifest.json", json.dumps(manifest, ensure_ascii=False, indent=1).encode())
    atomic.sync(building / "members.parquet")
    standing = folder / str(number)
    building.rename(standing)
    atomic.sync(folder)
    atomic.write(folder / POINTER, f"{number}\n".encode())
    return Snapshot(standing, manifest)
