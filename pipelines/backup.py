"""Copies what cannot be made again, and brings it back. Everything else follows from it: `zhongtai run` makes the marts.

    backup    1. copy lake, reference files and numbers under a temporary name, each file with its SHA-256
              2. copy the keys, apart, in place of the copy before      3. write the manifest      4. rename
    restore   1. check every file against the manifest                  2. copy under a temporary name
              3. bring the keys back, and destroy again what was destroyed    4. rename

A kill at any step leaves no backup, or a whole one; no home, or a whole one. The next try removes what was begun.

The keys stand apart, because who holds both them and the lake can read identifiers. There is one copy of them, always the
newest: an older one would bring back keys that were destroyed since. The manifest says which were, and says it again to
whatever copy of the keys is brought back.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from connectors import atomic, processes, published
from connectors.keystore import Keystore
from connectors.settings import Settings
from contracts.clock import Clock
from contracts.errors import BadInput, Corrupt, NotReady
from pipelines import key_copies
from pipelines.key_copies import KEYS

Progress = Callable[[str], None]
At = Callable[[str], None]

MANIFEST = "manifest.json"
NUMBER = Path("marts") / "LAST"
BACKUP_STEPS = ("backup.copied", "backup.keys", "backup.manifest", "backup.renamed")
RESTORE_STEPS = ("restore.checked", "restore.copied", "restore.keys", "restore.destroyed", "restore.renamed")
CHUNK = 1 << 20


class File(msgspec.Struct, frozen=True):
    bytes: int
    sha256: str


class Table(msgspec.Struct, frozen=True):
    """A table of the lake: its version, and for each partition of its topic the next offset to take."""

    version: int
    offsets: dict[str, int]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds. `lake` says for each topic how far it was taken.

    `destroyed` are the nids whose keys had been destroyed: keyed hashes, which name nobody without the keys. `lake_at` is the
    place of a lake in an object store, which keeps it: such a lake is no part of the backup.
    """

    v: int = 1
    tenant: str
    made_at: str
    published_version: int
    files: dict[str, File]
    lake: dict[str, Table]
    destroyed: list[str]
    lake_at: str = ""

    @property
    def size(self) -> int:
        return sum(file.bytes for file in self.files.values())


class Restored(msgspec.Struct, frozen=True):
    """`destroyed` counts keys that the copy still held and that were destroyed again."""

    manifest: Manifest
    keys: bool
    destroyed: int


def nowhere(step: str) -> None:
    """The usual `at`: nothing happens at any step."""


def backup(
    settings: Settings, target: Path, keys: Path, clock: Clock, progress: Progress, at: At = nowhere
) -> Manifest:
    """Writes a backup into `target`, which must not exist, and the keys into `keys`. Waits for a run that is under way.

    Raises `BadInput` when the folders do not do, or there is nothing to back up.
    """
    home = settings.home
    _apart(home, target, keys)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BadInput(f"{target} is not empty.", "Name a folder that does not exist yet: a backup is never changed.")
    building = target.with_name(f".{target.name}.building")
    shutil.rmtree(building, ignore_errors=True)
    # The run is the only writer of the lake; its lock keeps files and commits together.
    progress("waiting for the run that is under way")
    with processes.lock(home / "warehouse" / "lock", wait=True):
        lake = _lake(settings)
        files = {name: _copied(home / name, building / name, progress) for name in _names(home)}
    if not files and not lake:
        raise BadInput(f"{home} holds nothing that could not be made again.", "Is ZHONGTAI_HOME set as usual?")
    at("backup.copied")
    destroyed = key_copies.renew(home, keys, clock)
    at("backup.keys")
    manifest = Manifest(
        tenant=settings.tenant,
        made_at=clock.now().isoformat(),
        published_version=published.number(home / NUMBER),
        files=files,
        lake=lake,
        destroyed=destroyed,
        lake_at=settings.lake,
    )
    _write(building / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
    at("backup.manifest")
    _settle(building)
    building.rename(target)
    atomic.sync(target.parent)
    at("backup.renamed")
    return manifest


def restore(
    settings: Settings,
    source: Path,
    keys: Path,
    erased: Iterable[str],
    clock: Clock,
    progress: Progress,
    at: At = nowhere,
) -> Restored:
    """Makes the home, which must be empty, what it was when `source` was written. Keys that were destroyed stay so.

    Destroyed are those that the manifest names, those that the manifests of other backups beside it name, and `erased`:
    what was erased after the last backup. Raises `BadInput` for a home that is not empty, `Corrupt` when a file is not what
    was written, and leaves no home then.
    """
    home = settings.home
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise BadInput(f"{home} is not empty.", "Restore into a new home: set ZHONGTAI_HOME to a folder that is empty.")
    manifest = read_manifest(source)
    if manifest.tenant != settings.tenant:
        raise BadInput(f"This is a backup of tenant {manifest.tenant}.", f"Set ZHONGTAI_TENANT={manifest.tenant}.")
    if manifest.lake_at != settings.lake:
        wanted = manifest.lake_at or "nothing: the lake is in the backup"
        raise BadInput("The lake of this backup lies somewhere else.", f"Set ZHONGTAI_LAKE to {wanted}.")
    if manifest.lake_at:
        _not_behind(_lake(settings), manifest.lake)
    building = home.with_name(f".{home.name}.restoring")
    shutil.rmtree(building, ignore_errors=True)
    progress("checking the backup")
    _verify(source, manifest)
    at("restore.checked")
    building.mkdir(parents=True)
    for name, file in manifest.files.items():
        if _copied(source / name, building / name, progress) != file:
            raise Corrupt(f"{source / name} changed while it was read.", "Restore again, or from another backup.")
    at("restore.copied")
    marks = {*manifest.destroyed, *erased}
    for beside in source.resolve().parent.glob(f"*/{MANIFEST}"):
        marks.update(_destroyed_in(beside, settings.tenant))
    held = _bring_keys(keys, building)
    if held:
        key_copies.remember(building, keys)
    at("restore.keys")
    again = _destroy(building, marks, clock)
    at("restore.destroyed")
    _settle(building)
    building.rename(home)  # over an empty folder, if there is one
    atomic.sync(home.parent)
    at("restore.renamed")
    return Restored(manifest, held, again)


def read_manifest(source: Path) -> Manifest:
    """The manifest of a backup. Raises `BadInput` where there is none, `Corrupt` when it cannot be read."""
    try:
        return msgspec.json.decode((source / MANIFEST).read_bytes(), type=Manifest)
    except (FileNotFoundError, NotADirectoryError):
        raise BadInput(
            f"{source} is not a backup: it has no {MANIFEST}.", "Name the folder given to `backup`."
        ) from None
    except msgspec.DecodeError:
        raise Corrupt(f"{source / MANIFEST} cannot be read.", "Restore from another backup.") from None


def _apart(home: Path, target: Path, keys: Path) -> None:
    for one, other in ((target, home), (keys, home), (keys, target), (target, keys)):
        if one.resolve() == other.resolve() or other.resolve() in one.resolve().parents:
            raise BadInput(
                f"{one} lies in {other}.", "Home, backup and keys must be apart: name a folder somewhere else."
            )


def _names(home: Path) -> Iterator[str]:
    """What cannot be made again, as paths in the home: the lake, also one set aside, reference files, the last number."""
    for folder in (*sorted(home.glob("lake*")), home / "reference"):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                yield str(path.relative_to(home))
    if (home / NUMBER).exists():
        yield str(NUMBER)


def _lake(settings: Settings) -> dict[str, Table]:
    from pipelines.warehouse import lake, store

    return {
        topic: Table(table.version, {str(partition): place.next for partition, place in table.places.items()})
        for topic, table in lake.tables(store.of(settings)).items()
    }


def _not_behind(now: dict[str, Table], then: dict[str, Table]) -> None:
    """Raises `Corrupt` when a lake that is no part of the backup lost something since. That it went on is as it should be."""
    for topic, before in then.items():
        table = now.get(topic)
        if table is None or any(table.offsets.get(p, 0) < offset for p, offset in before.offsets.items()):
            raise Corrupt(
                f"The lake's table of {topic} stands earlier than this backup says, or is missing.",
                "Bring the objects of the lake back as they were when the backup was made, or later, then restore again.",
            )


def _copied(source: Path, target: Path, progress: Progress) -> File:
    """Copies a file; what was copied."""
    progress(f"copying {source.name}")
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, count = hashlib.sha256(), 0
    with source.open("rb") as given, target.open("wb") as taken:
        while chunk := given.read(CHUNK):
            digest.update(chunk)
            count += len(chunk)
            taken.write(chunk)
    return File(count, digest.hexdigest())


def _verify(source: Path, manifest: Manifest) -> None:
    for name, wanted in manifest.files.items():
        path = source / name
        if not path.resolve().is_relative_to(source.resolve()):
            raise Corrupt(f"The manifest names a file outside of the backup: {name}.", "Do not use this backup.")
        if not path.is_file():
            raise Corrupt(f"The backup lacks {name}.", "Restore from another backup.")
        with path.open("rb") as file:
            found = File(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())
        if found != wanted:
            raise Corrupt(f"{name} of the backup is not what was written.", "Restore from another backup.")


def _bring_keys(keys: Path, building: Path) -> bool:
    """Copies the key store into the home that is being made; False when there is none to copy."""
    if not (keys / KEYS).exists():
        return False
    (building / "keys").mkdir(mode=0o700)
    target = building / "keys" / KEYS
    os.close(os.open(target, os.O_RDWR | os.O_CREAT, 0o600))
    key_copies.copy_database(keys / KEYS, target)
    return True


def _destroy(building: Path, marks: set[str], clock: Clock) -> int:
    if not marks:
        return 0
    # Also where there are no keys: the marks keep late records from making new ones.
    store = Keystore(building, clock)
    try:
        held = sum(key is not None for key in store.find(marks).values())
        store.destroy(sorted(marks))
        return held
    finally:
        store.close()


def _destroyed_in(manifest: Path, tenant: str) -> list[str]:
    try:
        found = msgspec.json.decode(manifest.read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError):
        return []  # a folder of somebody else's
    return found.destroyed if found.tenant == tenant else []


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _settle(folder: Path) -> None:
    """Everything in the folder is on disk when this returns: a name must not be there before its bytes."""
    try:
        for path in (*folder.rglob("*"), folder):
            atomic.sync(path)
    except OSError as error:
        raise NotReady(f"{folder} cannot be written: {error.strerror}.", "Check the disk.") from None
