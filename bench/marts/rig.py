"""A builder in a process of its own, asked line by line; it answers each line with a line of JSON."""

import json
import subprocess
from pathlib import Path
from typing import Any


class Builder:
    """One peer and one round. Raises `RuntimeError` with its last words when it dies."""

    def __init__(self, command: list[str], log: Path) -> None:
        self._log = log
        self._popen = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log.open("wb"), text=True
        )
        self._answer()

    def ask(self, word: str) -> dict[str, Any]:
        assert self._popen.stdin
        self._popen.stdin.write(word + "\n")
        self._popen.stdin.flush()
        return self._answer()

    def end(self) -> None:
        assert self._popen.stdin
        self._popen.stdin.close()
        self._popen.wait(60)

    def _answer(self) -> dict[str, Any]:
        assert self._popen.stdout
        # A library may print; an answer is an object.
        while line := self._popen.stdout.readline():
            if line.startswith("{"):
                found: dict[str, Any] = json.loads(line)
                return found
        self._popen.wait(60)
        raise RuntimeError(f"the builder died:\n{self._log.read_text(errors='replace')[-2000:]}")


def contents(con: Any, table: str) -> list[int]:
    """Number of rows, and a sum over them that differs when the rows do, in whatever order they stand."""
    columns = sorted(name for name, *_ in con.execute(f"DESCRIBE {table}").fetchall())
    shown = ", ".join(f'"{name}"' for name in columns)
    row = con.execute(f"SELECT count(*), coalesce(bit_xor(hash({shown})), 0)::VARCHAR FROM {table}").fetchone()  # noqa: S608
    return list(row)
