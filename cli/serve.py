"""`zhongtai serve`: OneService, the HTTP API over the marts and the live state."""

import socket
from typing import Annotated

import typer

from cli import listening
from cli.console import err, last_line
from connectors import settings as setting
from connectors.clock import SystemClock
from connectors.settings import Settings

LINGER_S = 10


def serve(
    address: Annotated[
        str | None, typer.Option(help="host:port to listen on. Port 0: a free one. Default: ZHONGTAI_SERVICE.")
    ] = None,
) -> None:
    """Answer over HTTP: published tables, metrics, live stock, orders and members, SQL, and the console. Until Ctrl-C or SIGTERM.

    The console (in a browser) opens by the link that this prints: it works
    once, within twelve hours, and lets in as the owner of this home. Anybody
    else signs in with a token.

        zhongtai token add me --role analyst\n
        zhongtai serve\n
        curl -H "Authorization: Bearer zt_…" http://127.0.0.1:8100/v1/tables\n

    /docs explains every address, /healthz says whether it works. It answers
    from the published files (zhongtai run) and from a view of the live state
    that it keeps in the home; it goes on when Kafka or the worker stops, and
    then says how old its answers are.

    It listens on this machine only, unless told otherwise: put a proxy with
    TLS in front of it.

    Exit status: 0 when told to stop, 2 the address cannot be used.
    """
    settings = setting.load()
    host, port = listening.address(address or settings.service)
    keep(settings, listening.bind(host, port))


def keep(settings: Settings, bound: socket.socket, **facts: object) -> None:
    """Serves a home on a bound socket until Ctrl-C or SIGTERM. The last line is printed once it listens: `facts`, and where."""
    from cli.console_tools import tools
    from oneservice.app import application
    from oneservice.console import link
    from oneservice.opening import opened

    host, port = bound.getsockname()[:2]
    at = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    with opened(settings, SystemClock()) as service:
        app = application(service, tools(settings))

        def ready() -> None:
            console = f"{at}{link(app)}"
            err.print(f"API {at}/docs   health {at}/healthz", markup=False)
            err.print(f"[bold]Console[/] {console}", soft_wrap=True)
            err.print(
                f"[dim]The link opens once, as the owner. Later: {at}/console, with a token (zhongtai token add)[/]",
                soft_wrap=True,
            )
            last_line(**facts, service=at, console=console)

        listening.serve(app, bound, LINGER_S, ready)
