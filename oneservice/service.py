"""What the endpoints share, and how one of them learns who asks.

An endpoint takes `service: Shared` and `caller: Asking`; both come from the request, so a router needs no globals:

    @router.get("/v1/things")
    def things(service: Shared, caller: Asking) -> Things: ...
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Query, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from connectors.settings import Settings
from contracts.clock import Clock
from contracts.instants import spelt
from oneservice.audit import Audit
from oneservice.limits import Buckets, Limits
from oneservice.live.look_up import LookUp
from oneservice.policy import Caller, Policy
from oneservice.problems import Problem
from oneservice.publication import Publications
from oneservice.sandbox.pool import Pool
from oneservice.tokens import Tokens

COOKIE = "zhongtai_session"
SAFE = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, kw_only=True)
class Service:
    """Everything that answers need. One for an app; all of it may be shared between threads."""

    settings: Settings
    clock: Clock
    publications: Publications
    tokens: Tokens
    policy: Policy
    audit: Audit
    limits: Limits
    buckets: Buckets
    sql: Pool
    live: LookUp
    tenant_key: Callable[[], bytes]

    def age(self, as_of: datetime) -> float:
        """Seconds since a moment, at least 0."""
        return round(max(0.0, (self.clock.now() - as_of).total_seconds()), 3)


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


Shared = Annotated[Service, Depends(_service)]
_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    description="A token of `zhongtai token add NAME --role ROLE`, in the header `Authorization: Bearer zt_…`.",
)


def _caller(
    request: Request,
    service: Shared,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> Caller:
    """Who asks: by bearer token, or by the cookie of a browser that was let in (`COOKIE`). Raises `Problem` 401, 403, 429."""
    token = bearer.credentials if bearer else _of_cookie(request)
    known = service.tokens.holder(token) if token else None
    if known is None:
        wrong = "The token is not known, was revoked or has expired." if token else "There is no token."
        do = "Make one: zhongtai token add NAME --role analyst. Send it in the header Authorization: Bearer zt_…"
        raise Problem(401, "bad_token" if token else "no_token", wrong, do, headers={"www-authenticate": "Bearer"})
    request.state.token = known
    wait = service.buckets.take(known.id)
    if wait:
        do = "Ask less often, or for more rows at once."
        raise Problem(
            429, "too_many", "Too many requests with this token.", do, headers={"retry-after": str(math.ceil(wait))}
        )
    return service.policy.caller(known.id, known.name, known.role)


def _of_cookie(request: Request) -> str:
    """The token in the cookie. What changes something must come from a page of ours, not from another site's."""
    token = request.cookies.get(COOKIE, "")
    if token and request.method not in SAFE:
        origin = urlsplit(request.headers.get("origin", "")).netloc
        if origin != request.headers.get("host", ""):
            do = "Use the console's own pages, or a bearer token."
            raise Problem(403, "foreign_origin", "This request comes from another site.", do)
    return token


Asking = Annotated[Caller, Depends(_caller)]
MaxAge = Annotated[
    float | None,
    Query(
        ge=0,
        le=31_536_000,
        description="Answer only when the answer is this fresh, in seconds; else 409 with the code `too_old`.",
        examples=[60],
    ),
]


def known_parameters(request: Request) -> None:
    """Raises `Problem` 422 for a query parameter that the address does not have: a misspelt filter must not be ignored."""
    path = getattr(request.scope.get("route"), "path", "")
    operation = request.app.openapi()["paths"].get(path, {}).get(request.method.lower(), {})
    known = {parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "query"}
    if not set(request.query_params) <= known:
        do = f"Parameters: {', '.join(sorted(known)) or 'none'}."
        raise Problem(
            422,
            "unknown_parameter",
            "There is a query parameter that this address does not have.",
            do,
            places=["query"],
        )


STRICT = [Depends(known_parameters)]


def demand(service: Service, as_of: datetime | None, most: float | None) -> None:
    """Raises `Problem` 409 when an answer as of that moment is older than the caller allows (None: was never fresh).

    Not a 5xx: the service is well, and it is the caller's own condition that does not hold.
    """
    age = service.age(as_of) if as_of else None
    if most is None or (age is not None and age <= most):
        return
    wrong = "It is older than you allow." if age is not None else "It cannot be told how old it is."
    more: dict[str, Any] = {"as_of": spelt(as_of), "age_seconds": age} if as_of else {}
    do = "Allow a greater max_age_seconds, or see what stands still: zhongtai status"
    raise Problem(409, "too_old", wrong, do, headers={"retry-after": "5"}, **more)


def counted(request: Request, rows: int) -> None:
    """For the audit log: how many rows the answer holds."""
    request.state.rows = rows
