"""Copies the tables of the warehouse, which were audited as they were built, into a new file and points to it.

    1. take a new number            2. copy under a temporary name       3. judge, and write the report
    4. write the file of each role  5. checkpoint and close              6. fsync file and folder
    7. rename                       8. replace the pointer               9. remove old versions and leftovers

A kill at any step leaves the pointer at the old version or at the new one, each whole. A path is never used twice,
because a process that holds a file open would be given the old contents for it.

When nothing is new, a small file beside the pointer says who looked last: so what stands is as fresh as that look.
"""

import hashlib
import shutil
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import duckdb
import msgspec

from connectors import atomic, published
from connectors.keystore import Keystore
from contracts.clock import Clock
from contracts.errors import NotReady
from pipelines.key_copies import KEYS
from pipelines.warehouse import build_sql, duck, quality, roles
from pipelines.warehouse.audits import AuditFailed
from pipelines.warehouse.load import At, Progress
from pipelines.warehouse.models import audits, models
from pipelines.warehouse.project import VIEWS
from pipelines.warehouse.reference import TABLES, contents_sql

KEPT = 3
COUNTER = "LAST"
ERASURES = "ERASED"  # the number of the last erasure after which everything older was removed
STEPS = (
    "publish.counted",
    "publish.built",
    "publish.judged",
    "publish.roles",
    "publish.closed",
    "publish.synced",
    "publish.renamed",
    "publish.pointed",
    "publish.cleaned",
)


class Published(NamedTuple):
    """`new` is false when there was nothing new to publish; `version` is then the one that stands."""

    version: int
    new: bool


def publish(
    home: Path,
    warehouse: Path,
    started_at: datetime,
    clock: Clock,
    *,
    progress: Progress,
    at: At,
    check: quality.Check = quality.check,
    anew: bool = False,
) -> Published:
    """Publishes what the warehouse holds; nothing when that is published already, unless it is wanted `anew`.

    Raises `AuditFailed`, having published nothing, when an expectation is broken.
    """
    folder = published.marts(home)
    folder.mkdir(parents=True, exist_ok=True)
    _clean(folder)
    erasures = _erasures(home, clock)
    mark = _fingerprint(home, warehouse, erasures)
    standing = _standing(home)
    if standing and standing[1] == mark and not anew:
        _forget(folder, erasures)
        look = published.Look(standing[0], started_at, _ends(warehouse))
        atomic.write(folder / published.LOOKED, msgspec.json.encode(look))
        return Published(standing[0], new=False)
    if check is quality.check:
        quality.prefetch()
    version = _count(folder)
    at("publish.counted")
    building = folder / f"marts_{version}.building"
    facts = {"version": version, "started_at": started_at, "fingerprint": mark}
    progress(f"building version {version}")
    _build(building, warehouse, facts, clock, at, check)
    _release(folder, building, version, at)
    _forget(folder, erasures)
    return Published(version, new=True)


def _build(
    building: Path, warehouse: Path, facts: dict[str, object], clock: Clock, at: At, check: quality.Check
) -> None:
    version = published.belongs_to(building.with_suffix(".duckdb"))
    con = duckdb.connect(str(building))
    try:
        con.execute("SET TimeZone = 'UTC'")
        con.execute(f"ATTACH '{duck.quoted(warehouse)}' AS warehouse (READ_ONLY)")
        ((ours,),) = con.execute("SELECT current_database()").fetchall()
        con.execute(f"SET search_path = '{ours},warehouse.{VIEWS},warehouse.main'")
        for model in models():
            if model.layer == "meta":
                given = facts | {"finished_at": clock.now()}
                used = {name: value for name, value in given.items() if f"${name}" in model.sql}
                con.execute(f"CREATE TABLE {model.name} AS {model.sql}", used)
            elif model.layer != "ods":
                con.execute(f"CREATE TABLE {model.name} AS FROM warehouse.{VIEWS}.{model.name}")
        at("publish.built")
        # Their processes write while we judge; they end as files only when the judgement is good.
        with roles.begun(con, building.parent, version) as writers:
            broken = check(con, building.parent, version)
            if broken:
                report = quality.docs_of(building.parent, version) / "index.html"
                raise AuditFailed(
                    "The new marts were not published: " + " ".join(broken),
                    f"Readers keep the version before. The report, until the next run: {report}",
                )
            at("publish.judged")
            roles.end(writers)
            at("publish.roles")
        con.execute("CHECKPOINT")
    finally:
        con.close()
    at("publish.closed")


def _release(folder: Path, building: Path, version: int, at: At) -> None:
    atomic.sync(building)
    atomic.sync(folder)
    at("publish.synced")
    target = folder / f"marts_{version}.duckdb"
    building.rename(target)
    atomic.sync(folder)
    at("publish.renamed")
    _point(folder / published.POINTER, target.name)
    at("publish.pointed")
    _clean(folder)
    at("publish.cleaned")


def _count(folder: Path) -> int:
    """A number that no file here ever had, not even one whose run was killed.

    When the counter was damaged, one that no reader was ever given: what the pointer named last is still there.
    """
    counter = folder / COUNTER
    numbers = [int(name) for file in folder.glob("marts_*") if (name := file.name.split(".")[0][6:]).isdigit()]
    version = max([published.number(counter), *numbers]) + 1
    _point(counter, str(version))
    return version


def _forget(folder: Path, erasures: int) -> None:
    """Removes what was published before the last erasure, which may hold whom it erased. Done again after a kill."""
    done = folder / ERASURES
    if erasures > published.number(done):
        _clean(folder, kept=1)
        _point(done, str(erasures))


def _erasures(home: Path, clock: Clock) -> int:
    """The number of the last erasure; 0 when there was none."""
    if not (home / "keys" / KEYS).exists():
        return 0
    store = Keystore(home, clock)
    try:
        return store.destroyed_after(0)[0]
    finally:
        store.close()


def _clean(folder: Path, kept: int = KEPT) -> None:
    """Removes what a killed run left behind, and all but the last versions. Whoever has one open can read it on."""
    now = published.current(folder.parent)
    newest = published.version_of(now) if now else 0
    versions = sorted(v for v in map(published.version_of, folder.glob("marts_*.duckdb")) if 0 < v <= newest)
    for file in folder.iterdir():
        if (
            file.name in (published.POINTER, published.LOOKED, COUNTER, ERASURES)
            or published.belongs_to(file) in versions[-kept:]
        ):
            continue
        shutil.rmtree(file) if file.is_dir() else file.unlink()


def _standing(home: Path) -> tuple[int, str] | None:
    """Version and fingerprint of what is published; None when nothing is, or when it cannot be read."""
    try:
        con = published.connect(home)
    except NotReady:
        return None
    try:
        row = con.execute("SELECT any_value(version), any_value(fingerprint) FROM meta_run").fetchone()
    except duckdb.Error:
        return None
    finally:
        con.close()
    return (row[0], row[1]) if row and row[0] else None


def _fingerprint(home: Path, warehouse: Path, erasures: int) -> str:
    """The same for the same rows, models, expectations, roles, erasures and reference data: then nothing is new.

    Not for the same cut: time, ends of transactions and other tenants move offsets all night, and change no table.
    """
    digest = hashlib.sha256(str(erasures).encode() if erasures else b"")
    for text in (*(model.sql for model in models()), *audits().values(), roles.text_of(home), quality.text()):
        digest.update(text.encode())
    con = duckdb.connect(str(warehouse), read_only=True)
    try:
        digest.update(repr(con.execute(build_sql.ROWS_HELD).fetchall()).encode())
        for table in TABLES:
            digest.update(repr(con.execute(contents_sql(table)).fetchone()).encode())
    finally:
        con.close()
    return digest.hexdigest()


def _ends(warehouse: Path) -> dict[str, dict[int, int]]:
    """By topic the next offset of each partition, as far as the lake was built into the tables."""
    ends: dict[str, dict[int, int]] = {}
    con = duckdb.connect(str(warehouse), read_only=True)
    try:
        for topic, partition, end in con.execute(
            'SELECT topic, "partition", next_offset FROM warehouse_cut'
        ).fetchall():
            ends.setdefault(topic, {})[partition] = end
    finally:
        con.close()
    return ends


def _point(file: Path, text: str) -> None:
    atomic.write(file, f"{text}\n".encode())
    # Without this a power cut may bring the old name back after we said that the new one stands.
    atomic.sync(file.parent)
