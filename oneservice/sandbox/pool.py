"""Asks each question in a fresh process, and ends that process whatever it does.

One process stands ready, because Python and DuckDB take half a second to start; it serves one question and is gone.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

from contracts.errors import NotReady
from oneservice.answers import Format
from oneservice.sandbox.worker import READY

START_S = 30.0
PIECE = 1 << 16
MIB = 1 << 20
# Each thread of the C library's allocator would reserve 64 MiB of the address space that is counted.
ENVIRONMENT = {"MALLOC_ARENA_MAX": "1", "OPENBLAS_NUM_THREADS": "1", "LANG": "C.UTF-8"}
COMMAND = [sys.executable, "-I", "-m", "oneservice.sandbox.worker"]


class Share(NamedTuple):
    """What one question may use, how many are answered at once, and how many may wait for that, how long.

    `memory_mib` is DuckDB's own limit; the kernel's is `beyond_mib` higher, for what DuckDB does not count.
    """

    memory_mib: int = 512
    beyond_mib: int = 512
    cpu_s: int = 10
    wall_s: float = 20.0
    max_rows: int = 100_000
    max_bytes: int = 32 * MIB
    at_once: int = 4
    waiting: int = 8
    wait_s: float = 10.0


class Question(NamedTuple):
    """`gate` and `landlock` are off in tests only, to try each wall alone."""

    file: Path
    sql: str
    format: Format
    max_rows: int
    gate: bool = True
    landlock: bool = True


class Answer(NamedTuple):
    """`status` is "ok", or a code of what went wrong, with `wrong` and `do`. `columns` are names and DuckDB's types."""

    status: str
    columns: tuple[dict[str, str], ...] = ()
    rows: int = 0
    truncated: bool = False
    body: bytes = b""
    wrong: str = ""
    do: str = ""


_LESS = "Ask for less: aggregate, filter by a day or a shop, name the columns, or LIMIT."
TOO_LONG = Answer("too_much_time", wrong="The question takes longer than it may.", do=_LESS)
TOO_LARGE = Answer("answer_too_large", wrong="The answer has more bytes than it may have.", do=_LESS)
DIED = Answer("too_much_memory", wrong="The question used up what it may have, and was ended.", do=_LESS)


class Pool:
    """May be shared between threads. `close` ends what stands ready; questions under way end by themselves."""

    def __init__(self, share: Share = Share()) -> None:  # noqa: B008
        self.share = share
        self._room = threading.BoundedSemaphore(share.at_once)
        # Whoever waits holds a thread of the service, of which there are forty.
        self._queue = threading.BoundedSemaphore(share.at_once + share.waiting)
        self._lock = threading.Lock()
        self._ready: subprocess.Popen[bytes] | None = None
        self._closed = False

    def warm(self) -> None:
        """Starts the process that stands ready, unless one does."""
        with self._lock:
            if self._ready is None and not self._closed:
                self._ready = _start()

    def ask(self, question: Question) -> Answer:
        """The answer, within the share. Raises `NotReady` when too many ask at once."""
        if not self._queue.acquire(blocking=False):
            raise _busy()
        try:
            if not self._room.acquire(timeout=self.share.wait_s):
                raise _busy()
            try:
                return self._asked(question)
            finally:
                self._room.release()
        finally:
            self._queue.release()

    def _asked(self, question: Question) -> Answer:
        with self._lock:
            process, self._ready = self._ready, None
        process = process or _start()
        try:
            return self._answer(process, question)
        finally:
            _end(process)
            self.warm()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            process, self._ready = self._ready, None
        if process:
            _end(process)

    def _answer(self, process: "subprocess.Popen[bytes]", question: Question) -> Answer:
        assert process.stdin
        assert process.stdout
        out = process.stdout.fileno()
        if _read(out, len(READY), time.monotonic() + START_S, exact=True) != READY:
            raise NotReady("The process for SQL does not start.", "The service's log may say why; try again.")
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(told(question, self.share)).encode() + b"\n")
            process.stdin.close()
        most = self.share.max_bytes + PIECE * 16
        whole = _read(out, most + 1, time.monotonic() + self.share.wall_s)
        if whole is None:
            return TOO_LONG
        if len(whole) > most:
            return TOO_LARGE
        return _parsed(whole, _end(process))


def told(question: Question, share: Share) -> dict[str, Any]:
    """A question as the process is told it."""
    return {
        "file": str(question.file),
        "sql": question.sql,
        "format": question.format.value,
        "max_rows": min(question.max_rows, share.max_rows),
        "max_bytes": share.max_bytes,
        "gate": question.gate,
        "landlock": question.landlock,
        "memory": f"{share.memory_mib}MiB",
        "memory_bytes": (share.memory_mib + share.beyond_mib) * MIB,
        "cpu_s": share.cpu_s,
    }


def _parsed(whole: bytes, status: int) -> Answer:
    head, newline, body = whole.partition(b"\n")
    if status or not newline:
        return TOO_LONG if status in (-signal.SIGXCPU, -signal.SIGKILL) else DIED
    said: dict[str, Any] = json.loads(head)
    said["columns"] = tuple(said.get("columns", ()))
    return Answer(**said, body=body)


def _start() -> "subprocess.Popen[bytes]":
    # Of a session of its own, so that Ctrl-C in the terminal ends the service first.
    return subprocess.Popen(
        COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=ENVIRONMENT,
        cwd="/",
        start_new_session=True,
    )


def _end(process: "subprocess.Popen[bytes]") -> int:
    """Ends the process and returns how it ended. Safe to repeat."""
    if process.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(0.2)  # it has answered, and is about to end
        process.kill()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            assert pipe
            pipe.close()
    return process.wait()


def _read(out: int, most: int, until: float, *, exact: bool = False) -> bytes | None:
    """At most `most` bytes: until the other end closes, or (`exact`) until they are there. None when time is up."""
    parts: list[bytes] = []
    size = 0
    while size < most:
        left = until - time.monotonic()
        if left <= 0 or not select.select([out], [], [], left)[0]:
            return None
        piece = os.read(out, min(PIECE, most - size))
        if not piece:
            break
        parts.append(piece)
        size += len(piece)
        if exact and size == most:
            break
    return b"".join(parts)


def _busy() -> NotReady:
    return NotReady("Too many questions are being answered.", "Ask again in a moment.")
