"""Somebody who asks all along, in a process of its own: `python -m tests.chaos.warehouse.reader HOME`.

Prints one line for whatever it saw that is not a whole version, and at the end how often it looked. Ends when HOME/stop exists.
"""

import sys
import time
from pathlib import Path

import duckdb

from connectors import published
from contracts.errors import ZhongtaiError
from tests.chaos.warehouse.oracle import phase_of

QUESTION = """
    SELECT (SELECT count(*) FROM dwd_trade_receipt), (SELECT sum(receipts) FROM dws_trade_store_1d),
        (SELECT count(*) FROM dwd_trade_receipt_line), (SELECT sum(lines) FROM dws_trade_store_1d),
        (SELECT any_value(version) FROM meta_run)
"""


class Reader:
    """What was seen of each file: the same path must always hold the same, and the version never goes back."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._held: dict[str, object] = {}
        self._version = 0

    def look(self, role: str = "") -> str:
        """What is wrong with what is published now; empty when nothing is."""
        something = published.current(self._home) is not None  # asked first: the first publication may come meanwhile
        try:
            con = published.connect(self._home, role)
        except ZhongtaiError as error:
            return f"unreadable: {error.wrong}" if something else ""
        try:
            ((path,),) = con.execute("SELECT path FROM duckdb_databases() WHERE NOT internal").fetchall()
            row = con.execute(QUESTION).fetchone() or ()
        except duckdb.Error as error:
            return f"unreadable: {type(error).__name__}"
        finally:
            con.close()
        return self._judged(str(path), row)

    def _judged(self, path: str, row: tuple[int, ...]) -> str:
        receipts, summed, lines, summed_lines, version = row
        if receipts != summed or lines != summed_lines or phase_of(receipts) is None:
            return f"half: {row}"
        if self._held.setdefault(path, row) != row:
            return f"a path used twice: {Path(path).name}"
        if version < self._version:
            return f"went back from version {self._version} to {version}"
        self._version = version
        return ""


def main(home: Path) -> None:
    reader, looks, told = Reader(home), 0, set()
    print("ready", flush=True)
    while not (home / "stop").exists():
        for role in ("", "all"):
            wrong = reader.look(role)
            looks += 1
            if wrong and wrong not in told:
                told.add(wrong)
                print(wrong, flush=True)
        time.sleep(0.25)
    print(f"looked {looks}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
