"""Files that are replaced whole, and that are on disk."""

import os
import secrets
from pathlib import Path


def write(path: Path, content: bytes) -> None:
    """Replace a file. A reader sees the old content or the new, never half; a crash leaves one of the two."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with fresh.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """A file or a folder is on disk when this returns. A new name is on disk only when its folder is."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
