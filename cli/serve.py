"""`zhongtai serve`: OneService, the HTTP API over the marts and the live state."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli import listening
from cli.console import err, last_line
from connectors import settings as setting
from connectors.clock import SystemClock

if TYPE_CHECKING:
    from fastapi import FastAPI

    from oneservice.service import Service

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
    from oneservice.opening import opened

    settings = setting.load()
    host, port = listening.address(address or settings.service)
    bound = listening.bind(host, port)
    at = f"http://{host}:{bound.getsockname()[1]}"
    with opened(settings, SystemClock()) as service:
        app = console_app(service)

        def ready() -> None:
            err.print(f"API {at}/docs   health {at}/healthz", markup=False)
            print_link(app, at)
            last_line(service=at)

        listening.serve(app, bound, LINGER_S, ready)


def console_app(service: "Service") -> "FastAPI":
    """The app with everything that its console may use."""
    from cli.console_tools import tools
    from oneservice.app import application

    return application(service, tools(service.settings))


def print_link(app: "FastAPI", at: str) -> None:
    """Says how to open the console, once."""
    from oneservice.console import link

    err.print(
        f"[bold]Console {at}{link(app)}[/]  [dim](opens once; later: zhongtai token add, {at}/console)[/]",
        soft_wrap=True,
    )
