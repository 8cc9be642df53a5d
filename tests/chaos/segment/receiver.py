"""A receiver in a process of its own, on one port for all its lives, and the official client that sends to it."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from segment.analytics.client import Client


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Receiver:
    """`zhongtai receive`, which can be killed and started again."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)
        self.port = free_port()
        self.at = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self.lives = 0

    def start(self) -> None:
        """Returns when it listens; asks again while Kafka is not there yet."""
        until = time.monotonic() + 120
        while True:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cli.main", "receive", "--address", f"127.0.0.1:{self.port}"],
                env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            assert self._process.stdout is not None
            if self._process.stdout.readline().startswith(b"{"):
                self.lives += 1
                return
            self._process.wait()
            if time.monotonic() > until:
                raise RuntimeError("the receiver does not start")
            time.sleep(0.5)

    def end(self, how: signal.Signals) -> int:
        """Ends it, and returns its exit status."""
        assert self._process is not None
        self._process.send_signal(how)
        return self._process.wait(60)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def metrics(self) -> str:
        return httpx.get(f"{self.at}/metrics").text


class Sender:
    """The official client, as it comes, and an application that sends so many calls at a steady pace.

    `ids` are the message ids of the calls that the library took; the application asks again while its queue is full.
    """

    def __init__(self, at: str, write_key: str, calls: int, per_second: float, gzip: bool) -> None:
        self.dropped: list[Any] = []
        self.ids: set[str] = set()
        self._calls, self._per_second = calls, per_second
        self._client = Client(
            write_key, host=at, gzip=gzip, upload_interval=0.1, upload_size=50, max_queue_size=10_000,
            on_error=lambda error, batch: self.dropped.append((error, len(batch))),
        )  # fmt: skip
        self._thread = threading.Thread(target=self._send, daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def sending(self) -> bool:
        return self._thread.is_alive()

    def finish(self) -> None:
        """Returns when the library has got rid of every call."""
        self._thread.join()
        self._client.shutdown()

    def _send(self) -> None:
        started = time.monotonic()
        for n in range(self._calls):
            self._one(n)
            ahead = n / self._per_second - (time.monotonic() - started)
            if ahead > 0:
                time.sleep(ahead)

    def _one(self, n: int) -> None:
        kinds: tuple[Callable[[], tuple[bool, dict[str, Any]]], ...] = (
            lambda: self._client.track(f"user-{n % 500}", "Product Added", {"sku": "P1", "quantity": 1 + n % 3}),
            lambda: self._client.page(f"user-{n % 500}", "shop", "Home"),
            lambda: self._client.screen(anonymous_id=f"0000{n % 70:08}", name="Cart"),
            lambda: self._client.identify(f"user-{n % 500}", {"email": f"user{n % 500}@example.cn", "name": "王芳"}),
            lambda: self._client.group(f"user-{n % 500}", "club"),
            lambda: self._client.alias(f"0000{n % 70:08}", f"user-{n % 500}"),
        )
        while True:
            taken, message = kinds[n % len(kinds)]()
            if taken:
                self.ids.add(message["messageId"])
                return
            time.sleep(0.05)


def environment(home: Any, **more: str) -> dict[str, str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("ZHONGTAI_")}
    return bare | {"ZHONGTAI_HOME": str(home)} | more
