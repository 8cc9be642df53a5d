"""A socket for a server: where it shall listen, bound before anything else is opened."""

import signal
import socket
from collections.abc import Callable
from typing import Any

from contracts.errors import BadInput


def address(text: str) -> tuple[str, int]:
    """Host and port of `host:port`. Raises `BadInput`."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise BadInput(f"{text} is not host:port.", "Such as 127.0.0.1:8090.")
    return host.strip("[]"), int(port)


def bind(host: str, port: int) -> socket.socket:
    """A bound socket. Raises `BadInput` when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except (OSError, OverflowError) as error:
        bound.close()
        raise BadInput(f"{host}:{port} cannot be listened on: {error}.", "Choose another with --address.") from None
    return bound


def serve(app: Any, bound: socket.socket, linger_s: int, ready: Callable[[], None]) -> None:
    """Serves an ASGI app until SIGTERM or Ctrl-C; calls `ready()` once it listens."""
    import uvicorn

    config = uvicorn.Config(
        app, log_level="warning", access_log=False, timeout_graceful_shutdown=linger_s, server_header=False
    )

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready()

    for ending in (signal.SIGTERM, signal.SIGINT):
        # uvicorn has its own handlers while it runs, and raises the signal again when it has ended well.
        signal.signal(ending, lambda *_: None)
    Server(config).run(sockets=[bound])
