"""`zhongtai receive` and `zhongtai credentials`: the HTTP receivers, and who may send to them."""

import secrets
import sys
from collections.abc import Callable
from typing import Annotated, TypeVar

import typer

from cli import listening
from cli.console import err, last_line, out
from connectors import settings as setting
from connectors.clock import SystemClock
from connectors.http.credentials import KINDS, Credentials, Kind
from connectors.keystore import Keystore
from connectors.settings import Settings
from contracts.errors import BadInput, NotReady

app = typer.Typer(help="Who may send to the HTTP receivers. Secrets stay in the key store.", no_args_is_help=True)
KindOf = Annotated[str, typer.Argument(help="shopify, segment or capture.", metavar="KIND")]
LINGER_S = 20
T = TypeVar("T")


def receive(
    address: Annotated[
        str | None, typer.Option(help="host:port to listen on. Port 0: a free one. Default: ZHONGTAI_RECEIVE.")
    ] = None,
) -> None:
    """Receive what web shops and warehouses send by HTTP, until Ctrl-C or SIGTERM.

    POST /shopify         webhooks of Shopify, signed with the shop's secret\n
    POST /v1/track …      Segment's tracking API: identify, track, page, screen, group, alias, batch\n
    POST /capture         EPCIS 2.0 documents and events, with a bearer token\n
    GET  /health          200 while Kafka answers\n
    GET  /metrics         for Prometheus\n

    Everything that is answered with 2xx or 400 is in Kafka; 503 asks the
    sender to come back. It listens on this machine only, unless told
    otherwise: put a proxy with TLS in front of it.

    Exit status: 0 when told to stop, 2 the address cannot be used, 4 Kafka
    does not answer at the start.
    """
    settings = setting.load()
    host, port = listening.address(address or settings.receive)
    keystore = Keystore(settings.home, SystemClock())
    try:
        _serve(settings, keystore, host, port)
    finally:
        keystore.close()


def _serve(settings: Settings, keystore: Keystore, host: str, port: int) -> None:
    from cli.receivers import burial, routes
    from connectors.http.post import Post
    from connectors.http.service import Service

    clock = SystemClock()
    bound = listening.bind(host, port)
    with Post(settings) as post:
        known = routes(settings, keystore)
        missing = post.missing(sorted({topic for one in known for topic in one.topics}))
        if missing:
            raise NotReady(f"Topic {missing[0]} does not exist.", "Create it: zhongtai topics apply")
        credentials = Credentials(keystore, settings.tenant, clock)
        service = Service([one.route for one in known], post, credentials, clock, burial(settings, keystore))
        at = f"http://{host}:{bound.getsockname()[1]}"

        def ready() -> None:
            for one in known:
                err.print(f"POST {at}{one.route.path}", markup=False)
            last_line(receive=at)

        listening.serve(service.app, bound, LINGER_S, ready)


@app.command("set")
def set_(
    kind: KindOf,
    name: Annotated[str, typer.Argument(help="The shop's domain, or what you call the sender.", metavar="NAME")],
    new: Annotated[bool, typer.Option("--new", help="Make a key and print it, once.")] = False,
) -> None:
    """Keep a secret, read from standard input, in place of what NAME had.

    zhongtai credentials set shopify demo.myshopify.com < client-secret.txt\n
    zhongtai credentials set segment web --new\n

    shopify: the secret that signs the shop's webhooks. segment: a write
    key. capture: a bearer token of a warehouse system. Of the last two only
    a keyed hash is kept, so --new prints the key once and never again.

    Exit status: 0; 2 there is nothing on standard input, or it is too weak.
    """
    known = _kind(kind)
    if new and known == "shopify":
        raise BadInput("Shopify makes the secret that signs its webhooks.", "Pass it on standard input.")
    secret = secrets.token_urlsafe(24).encode() if new else sys.stdin.buffer.read(4096).strip()
    if len(secret) < 8:
        raise BadInput("A secret has at least 8 characters.", "Pass it on standard input, or make one: --new")
    _with(lambda credentials: credentials.keep(known, _name(known, name), secret))
    last_line(**({"kind": known, "name": _name(known, name)} | ({"secret": secret.decode()} if new else {})))


@app.command("list")
def list_() -> None:
    """List who may send. Never shows a secret."""
    for kind, name in _with(lambda credentials: credentials.names()):
        out.print(f"{kind:<9}{name}", markup=False)


@app.command()
def remove(kind: KindOf, name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Forget a secret. Receivers that run stop taking it within seconds.

    Exit status: 0; 2 there was none of this name.
    """
    known = _kind(kind)
    if not _with(lambda credentials: credentials.forget(known, _name(known, name))):
        raise BadInput(f"There is no {kind} credential {name}.", "See: zhongtai credentials list")
    last_line(kind=known, name=_name(known, name))


def _kind(text: str) -> Kind:
    found = next((kind for kind in KINDS if kind == text), None)
    if found is None:
        raise BadInput(f"There is no kind {text}.", f"Kinds: {', '.join(KINDS)}.")
    return found


def _name(kind: Kind, text: str) -> str:
    if not text or len(text) > 64 or not all(c.isalnum() or c in ".-_" for c in text):
        raise BadInput("A name has letters, digits, dots, dashes and underscores, 64 at most.", "Choose another.")
    return text.lower() if kind == "shopify" else text


def _with(ask: Callable[[Credentials], T]) -> T:
    settings = setting.load()
    keystore = Keystore(settings.home, SystemClock())
    try:
        return ask(Credentials(keystore, settings.tenant, SystemClock()))
    finally:
        keystore.close()
