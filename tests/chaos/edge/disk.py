"""A disk that loses, at a power cut, what was never fsynced. Slipped under SQLite, in this process.

SQLite talks to files through a table of functions (https://sqlite.org/vfs.html). Here its default one is changed in memory:
each xSync copies the file to a shadow, so that the shadow holds what the disk had been told to keep. A process is then
killed, and `cut` makes of each file what a power cut may leave: the shadow, plus any of the sectors that were written since.
Nothing is assumed about which settings the outbox uses; a commit that was not fsynced is lost here as it would be there.
"""

import ctypes
import fcntl
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SECTOR = 512
SHADOW = "disk"

_OPEN = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
_DELETE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
_SYNC_PLACE = 5  # of sqlite3_io_methods, after iVersion, xClose, xRead, xWrite, xTruncate


class _Vfs(ctypes.Structure):
    _fields_ = (
        ("iVersion", ctypes.c_int),
        ("szOsFile", ctypes.c_int),
        ("mxPathname", ctypes.c_int),
        ("pNext", ctypes.c_void_p),
        ("zName", ctypes.c_char_p),
        ("pAppData", ctypes.c_void_p),
        ("xOpen", _OPEN),
        ("xDelete", _DELETE),
    )


class _Methods(ctypes.Structure):
    _fields_ = (("iVersion", ctypes.c_int), ("functions", ctypes.c_void_p * 18))


class _File(ctypes.Structure):
    _fields_ = (("pMethods", ctypes.POINTER(_Methods)),)


_kept: list[Any] = []  # what C code points to must not be collected


def install(home: Path, at: Callable[[str], None]) -> None:
    """Files that SQLite opens below `home` from now on have a shadow. `at` hears "sync" before and "synced" after each."""
    library = ctypes.CDLL(_library())
    library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    vfs = library.sqlite3_vfs_find(None).contents
    # By address: the fields themselves are views of the struct, and would lead back to what stands there later.
    original_open, original_delete = _OPEN(_address(vfs.xOpen)), _DELETE(_address(vfs.xDelete))
    lock = os.open(home / "disk.lock", os.O_RDWR | os.O_CREAT, 0o644)
    names: dict[int, Path] = {}
    readers: dict[int, int] = {}
    tables: dict[int, tuple[_Methods, Any]] = {}

    def sync_for(function: Any) -> Any:
        def sync(file: int, flags: int) -> int:
            at("sync")
            answer: int = function(file, flags)
            if file in names and answer == 0:
                with _alone(lock):
                    _copy(readers[file], _shadow(names[file]))
            at("synced")
            return answer

        return _SYNC(sync)

    # Names stay addresses: SQLite looks at the memory around them.
    def open_(v: int, name: int | None, file: int, flags: int, out: int) -> int:
        answer: int = original_open(v, name, file, flags, out)
        opened = ctypes.cast(file, ctypes.POINTER(_File)).contents
        names.pop(file, None)
        if answer == 0 and name and _path(name).parent == home and opened.pMethods:
            names[file] = _path(name)
            # Never closed: the first descriptor of a file that a process closes ends all its locks, SQLite's too.
            readers[file] = os.open(names[file], os.O_RDONLY)
            with _alone(lock):
                if names[file].stat().st_size == 0:
                    _shadow(names[file]).unlink(missing_ok=True)
            address = ctypes.addressof(opened.pMethods.contents)
            if address not in tables:
                copy = _Methods.from_buffer_copy(opened.pMethods.contents)
                wrapped = sync_for(_SYNC(copy.functions[_SYNC_PLACE - 1]))
                copy.functions[_SYNC_PLACE - 1] = _address(wrapped)
                tables[address] = (copy, wrapped)
            opened.pMethods = ctypes.pointer(tables[address][0])
        return answer

    def delete(v: int, name: int, folder: int) -> int:
        answer: int = original_delete(v, name, folder)
        if _path(name).parent == home:
            _shadow(_path(name)).unlink(missing_ok=True)
        return answer

    (home / SHADOW).mkdir(exist_ok=True)
    vfs.xOpen, vfs.xDelete = _OPEN(open_), _DELETE(delete)
    _kept.extend((vfs.xOpen, vfs.xDelete, original_open, original_delete, tables))


def cut(home: Path, dice: random.Random, kept: float | None = None) -> None:
    """The power went: every file of the outbox becomes what the disk may hold. Nobody may have it open.

    `kept` is the chance of a sector that was written and not synced; drawn when it is not given. Where a file grew, it
    ends at a random byte of what is new.
    """
    there = {p.name for p in home.glob("outbox-*.sqlite*")} | {p.name for p in (home / SHADOW).glob("*")}
    for name in sorted(there):
        file, shadow = home / name, home / SHADOW / name
        if name.endswith("-shm"):
            file.unlink(missing_ok=True)  # shared memory, never on any disk
            continue
        chance = dice.choice((0.0, 0.5, 1.0)) if kept is None else kept
        left = _left(_bytes(shadow), _bytes(file), dice, chance)
        file.write_bytes(left)
        shadow.write_bytes(left)


def _left(synced: bytes, written: bytes, dice: random.Random, chance: float) -> bytes:
    size = len(synced)
    if chance and len(written) != len(synced):
        size = dice.randint(*sorted((len(synced), len(written))))
    left = bytearray(synced[:size].ljust(size, b"\0"))
    for at in range(0, size, SECTOR):
        new = written[at : min(at + SECTOR, size)]
        if new and new != left[at : at + SECTOR] and dice.random() < chance:
            left[at : at + len(new)] = new
    return bytes(left)


@contextmanager
def _alone(lock: int) -> Iterator[None]:
    """Of several processes with the same outbox one at a time: an older copy must not come over a newer one."""
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)


def _path(name: int) -> Path:
    return Path(os.fsdecode(ctypes.string_at(name)))


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def _shadow(path: Path) -> Path:
    return path.parent / SHADOW / path.name


def _copy(reader: int, shadow: Path) -> None:
    """In place: killed in the middle, the shadow has part of what was being synced, as a disk may."""
    content = os.pread(reader, os.fstat(reader).st_size, 0)
    handle = os.open(shadow, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.write(handle, content)
        os.ftruncate(handle, len(content))
    finally:
        os.close(handle)


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _library() -> str | None:
    """The SQLite that Python's module uses, as this process has it in memory; None when it is part of Python itself."""

    for row in Path("/proc/self/maps").read_text().splitlines():
        if "libsqlite3" in row:
            return row.split(maxsplit=5)[5]
    return None
