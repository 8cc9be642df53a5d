"""Processes of one kind without the seconds that their imports take: each is forked from one that has imported and done nothing.

    with Forks("tests.warehouse.killed_run") as forks:
        status = forks.run(home, "load.began", 1)

A fork runs `main(*arguments)` of the module, has its own memory, threads, locks and limits, and dies like any other process.
It begins as a fresh process does: whatever a run opens or starts is opened after the fork. One that hangs is ended by an alarm.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from importlib import import_module
from typing import Self

# What a run imports on its way; nothing of it starts a thread when it is imported.
EARLY = ("duckdb", "pandas", "pyarrow", "pyarrow.compute", "pyarrow.dataset", "deltalake", "ruamel.yaml")


LONGEST_S = 280


class Forks:
    """One at a time. Use it in one thread."""

    def __init__(self, module: str) -> None:
        command = [sys.executable, "-m", "tests.forks", module]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.said = ""

    def run(self, *arguments: object) -> int:
        """Runs to the end; its exit status: −9 for one that was killed, −14 for one that hung. `said` is its stderr."""
        assert self._process.stdin
        assert self._process.stdout
        with tempfile.NamedTemporaryFile("r", suffix=".err") as said:
            request = {"arguments": [str(one) for one in arguments], "errors": said.name}
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            status = int(self._process.stdout.readline())
            self.said = said.read()
        return status

    def close(self) -> None:
        self._process.communicate(timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def serve(main: Callable[..., None]) -> None:
    answers = os.dup(1)
    os.dup2(2, 1)  # what a run prints must not look like an answer
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(main, request)
        _, status = os.waitpid(child, 0)
        os.write(answers, f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _become(main: Callable[..., None], request: dict[str, list[str]]) -> None:
    os.dup2(os.open(str(request["errors"]), os.O_WRONLY), 2)
    signal.alarm(LONGEST_S)
    status = 0
    try:
        main(*request["arguments"])
    except SystemExit as end:
        status = int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    for name in EARLY:
        import_module(name)
    serve(import_module(sys.argv[1]).main)
