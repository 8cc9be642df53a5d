"""Who may send to the HTTP receivers. Secrets live in the key store, never in settings, logs or answers.

shopify    the secret that signs a shop's webhooks; kept as it is, since an HMAC needs it
segment    write keys; only a keyed hash of each is kept
capture    bearer tokens of warehouse systems; only a keyed hash of each is kept
"""

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from connectors.keystore import Keystore
from contracts.clock import Clock

Kind = Literal["shopify", "segment", "capture"]
KINDS: tuple[Kind, ...] = ("shopify", "segment", "capture")
REREAD_S = 5  # another process may add or remove one while the service runs


class Credentials:
    """The credentials of one tenant, read again from the key store every few seconds."""

    def __init__(self, keystore: Keystore, tenant: str, clock: Clock) -> None:
        self._keystore = keystore
        self._tenant = tenant
        self._clock = clock
        self._key = keystore.tenant_key(tenant)
        self._read_at = float("-inf")
        self._known: Mapping[str, bytes] = {}

    def keep(self, kind: Kind, name: str, secret: bytes) -> None:
        kept = secret if kind == "shopify" else self._hash(kind, secret)
        self._keystore.keep_secret(f"{self._prefix}{kind}|{name}", kept)

    def names(self) -> list[tuple[str, str]]:
        """(kind, name) of each; never a secret."""
        found = (name.removeprefix(self._prefix).split("|", 1) for name in self._keystore.secrets(self._prefix))
        return [(kind, name) for kind, name in found]

    def forget(self, kind: Kind, name: str) -> bool:
        return self._keystore.forget_secret(f"{self._prefix}{kind}|{name}")

    def signs(self, shop: str, body: bytes, signature: str) -> bool:
        """Whether `signature` is what `shop`'s secret makes of the body: base64 of HMAC-SHA-256 (Shopify's scheme)."""
        secret = self._all().get(f"{self._prefix}shopify|{shop.lower()}")
        if secret is None:
            return False
        try:
            given = base64.b64decode(signature, validate=True)
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(hmac.digest(secret, body, "sha256"), given)

    def sender(self, kind: Kind, secret: bytes) -> str | None:
        """The name under which this write key or token is kept; None when it is not."""
        given, start, found = self._hash(kind, secret), f"{self._prefix}{kind}|", None
        for name, kept in self._all().items():  # all of them, so that the time tells nothing
            if name.startswith(start) and hmac.compare_digest(kept, given):
                found = name.removeprefix(start)
        return found

    @property
    def _prefix(self) -> str:
        return f"http|{self._tenant}|"

    def _hash(self, kind: Kind, secret: bytes) -> bytes:
        return hmac.digest(self._key, kind.encode() + b"\0" + secret, "sha256")

    def _all(self) -> Mapping[str, bytes]:
        now = self._clock.now().timestamp()
        if not self._read_at <= now < self._read_at + REREAD_S:
            self._known, self._read_at = self._keystore.secrets(self._prefix), now
        return self._known


class Basic(NamedTuple):
    user: str
    password: str


def basic(header: str) -> Basic | None:
    """What an `Authorization: Basic …` header says (RFC 7617)."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return Basic(user, password)


def bearer(header: str) -> str | None:
    """The token of an `Authorization: Bearer …` header (RFC 6750)."""
    scheme, _, rest = header.partition(" ")
    return rest.strip() if scheme.lower() == "bearer" and rest.strip() else None


Allowed = Callable[[Credentials, Mapping[str, str], bytes], str | None]
