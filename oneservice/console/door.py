"""Who comes in: with a token typed into a form, or once by the link that `zhongtai serve` prints.

Either way the browser gets a cookie that no script can read and no other site can send. It holds a token, so who revokes the
token (`zhongtai token revoke`) closes the door.
"""

import hashlib
import secrets
import threading
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Form, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from contracts.clock import Clock
from oneservice.console import words
from oneservice.console.page import HOME, SIGN_IN, rendered, router
from oneservice.problems import Problem
from oneservice.publication import OWNER
from oneservice.service import COOKIE, Shared

SESSION = timedelta(hours=12)
YEAR_S = 365 * 86_400

doors = router()


class Links:
    """Links that open the console once each, within `SESSION`. In memory only: a restart forgets them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[str, datetime] = {}

    def make(self) -> str:
        """The path of a new link."""
        code = secrets.token_urlsafe(32)
        with self._lock:
            self._open[_hash(code)] = self._clock.now() + SESSION
        return f"{HOME}/enter/{code}"

    def use(self, code: str) -> bool:
        """Whether the link may be used; it was, then."""
        with self._lock:
            until = self._open.pop(_hash(code), None)
        return until is not None and self._clock.now() < until


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


@doors.get("/enter/{code}")
def enter(request: Request, service: Shared, code: Annotated[str, Path(max_length=100)]) -> Response:
    """The one-time link. It answers with a page that goes on by itself: a redirect from another site's link would come
    without the cookie, which is for our own pages only."""
    links: Links = request.app.state.console.links
    if not links.use(code):
        return rendered(request, "sign_in.html", 403, wrong="door.used", next=HOME)
    token, _ = service.tokens.add("console", OWNER, SESSION)
    response = rendered(request, "entered.html", next=HOME)
    _let_in(request, response, token)
    return response


@doors.get("/sign-in")
def sign_in(request: Request, next: Annotated[str, Query(max_length=500)] = HOME) -> Response:
    return rendered(request, "sign_in.html", wrong="", next=_ours(next))


@doors.post("/sign-in")
def signed_in(
    request: Request,
    service: Shared,
    token: Annotated[str, Form(max_length=200)] = "",
    next: Annotated[str, Form(max_length=500)] = HOME,
) -> Response:
    """Takes a token. What another site sends is refused: it could sign somebody in as somebody else."""
    _same_origin(request)
    wait = service.buckets.take("sign-in")
    if wait:
        raise Problem(429, "too_many", "Too many requests.", "Come again in a moment.", headers={"retry-after": "1"})
    known = service.tokens.holder(token.strip())
    if known is None:
        return rendered(request, "sign_in.html", 403, wrong="door.unknown", next=_ours(next))
    request.state.token = known
    response = RedirectResponse(_ours(next), 303)
    _let_in(request, response, token.strip())
    return response


@doors.post("/sign-out")
def sign_out(request: Request) -> Response:
    _same_origin(request)
    response = RedirectResponse(SIGN_IN, 303)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return response


@doors.post("/language")
def language(
    request: Request,
    to: Annotated[str, Form(max_length=2)],
    next: Annotated[str, Form(max_length=500)] = HOME,
) -> Response:
    """The switch. It changes nothing but a cookie, so it needs nobody to be signed in."""
    _same_origin(request)
    response = RedirectResponse(_ours(next), 303)
    if to in words.LANGUAGES:
        response.set_cookie(words.COOKIE, to, max_age=YEAR_S, path=HOME, httponly=True, samesite="strict")
    return response


def _let_in(request: Request, response: Response, token: str) -> None:
    secure = request.url.scheme == "https"
    seconds = int(SESSION.total_seconds())
    response.set_cookie(COOKIE, token, max_age=seconds, path="/", httponly=True, samesite="strict", secure=secure)


def _same_origin(request: Request) -> None:
    origin = urlsplit(request.headers.get("origin", "")).netloc
    if origin != request.headers.get("host", ""):
        raise Problem(403, "foreign_origin", "This request comes from another site.", "Use the console's own pages.")


def _ours(next: str) -> str:
    """Where to go on: a page of the console, whatever was asked for."""
    fine = next == HOME or next.startswith((f"{HOME}/", f"{HOME}?"))
    return next if fine and "\\" not in next and next.isprintable() else HOME
