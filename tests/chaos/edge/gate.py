"""The way to the centre that all shops have: a port where nobody answers while they are offline.

A Kafka client finds the brokers through the address that it was given, and then speaks to them directly. So a shop whose
address is this port is offline until `open`; then all that have been trying come through, as fast as they try again.
"""

import socket
import threading
from contextlib import suppress


class Gate:
    """Shut when it is made: connections are refused. `open` lets them through to `centre` (host:port) until `close`."""

    def __init__(self, centre: str) -> None:
        host, port = centre.split(",", maxsplit=1)[0].rsplit(":", 1)
        self._centre = (host, int(port))
        self._door = socket.socket()
        self._door.bind(("127.0.0.1", 0))  # ours from now on, and refusing: nothing listens
        self._through: list[socket.socket] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._door.getsockname()[1]}"

    def open(self) -> None:
        self._door.listen(100)
        threading.Thread(target=self._let_in, daemon=True).start()

    def close(self) -> None:
        for one in (self._door, *self._through):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _let_in(self) -> None:
        while True:
            try:
                shop, _ = self._door.accept()
            except OSError:
                return  # closed
            try:
                centre = socket.create_connection(self._centre, timeout=10)
            except OSError:
                shop.close()
                continue
            centre.settimeout(None)
            self._through += [shop, centre]
            for one, other in ((shop, centre), (centre, shop)):
                threading.Thread(target=_carry, args=(one, other), daemon=True).start()


def _carry(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(1 << 16):
            other.sendall(data)
    with suppress(OSError):
        other.shutdown(socket.SHUT_WR)
