"""The newest commit of a lake table may be damaged: a disk that filled up, a machine that lost its power, a flipped bit.

A commit is a small file of JSON lines that names its data files. The newest one is checked whenever a table is opened;
a damaged one is set aside with its checkpoint, so that the table is again what the commit before made of it. Its offsets
went with its rows, so the run takes the same records from the topic once more.
"""

import json
from pathlib import Path
from urllib.parse import unquote

import pyarrow.parquet as pq

ASIDE = "damaged"
# Commits that this process has read to the end, each with the files that it then had.
_checked: set[tuple[object, ...]] = set()


def repair(folder: Path) -> list[Path]:
    """Sets damaged newest commits aside; where they are now. A table in good order is only read."""
    aside = []
    while (newest := _newest(folder)) is not None and not _sound(folder, newest):
        aside.append(_set_aside(folder, newest))
    return aside


def _newest(folder: Path) -> Path | None:
    commits = [file for file in (folder / "_delta_log").glob("*.json") if file.stem.isdigit()]
    return max(commits, default=None)


def _sound(folder: Path, commit: Path) -> bool:
    try:
        actions = [json.loads(line) for line in commit.read_text("utf-8").splitlines()]
        added = [(folder / unquote(action["add"]["path"]), action["add"]) for action in actions if "add" in action]
        if not any("commitInfo" in action for action in actions):
            return False
        mark = (_look(commit), *(_look(file) for file, _ in added))
        if mark in _checked:
            return True
        sound = all(_whole(file, action) for file, action in added)
    except (OSError, ValueError, KeyError, TypeError):
        return False
    if sound:
        _checked.add(mark)
    return sound


def _look(file: Path) -> tuple[str, int, int]:
    stat = file.stat()
    return str(file), stat.st_size, stat.st_mtime_ns


def _whole(file: Path, added: dict[str, object]) -> bool:
    """Whether a data file has its size and can be read to the end with as many rows as were written."""
    if file.stat().st_size != added["size"]:
        return False
    try:
        with pq.ParquetFile(file) as parquet:
            rows = sum(batch.num_rows for batch in parquet.iter_batches())
    except Exception:
        return False
    written = json.loads(str(added["stats"])).get("numRecords") if added.get("stats") else rows
    return bool(rows == written)


def _set_aside(folder: Path, commit: Path) -> Path:
    target = folder.parent / ASIDE / f"{folder.name}.{commit.name}"
    target.parent.mkdir(exist_ok=True)
    for checkpoint in commit.parent.glob(f"{commit.stem}.checkpoint*"):
        checkpoint.rename(target.with_name(f"{folder.name}.{checkpoint.name}"))
    # Only a hint; without it the log is read from the newest checkpoint that is there.
    (commit.parent / "_last_checkpoint").unlink(missing_ok=True)
    commit.rename(target)
    return target
