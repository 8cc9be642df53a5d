"""Identifiers in, tokens out: after this, a value exists only as ciphertext under a key that can be destroyed."""

import base64
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from connectors.keystore import Keystore
from contracts.receipts import Token

Normalise = Callable[[str, str, str], str | None]  # (type, value, phone region)
Name = Callable[[bytes, str, str], str]  # (tenant key, type, normalised value) → nid


class Shown(Protocol):
    """An identifier in clear. Equal ones are one."""

    @property
    def type(self) -> str: ...
    @property
    def value(self) -> str: ...
    def __hash__(self) -> int: ...


S = TypeVar("S", bound=Shown)

MOST_REMEMBERED = 200_000
DESTROYED = ""  # the ciphertext of an identifier whose key is gone


class Tokeniser:
    """The tokens of one tenant. `normalise` and `nid` are those of `oneid.identifiers`: this layer may not import it.

    Deterministic: the same identifier has the same token, bit for bit, in every process and replay, until its key is
    destroyed; from then on its ciphertext is empty. Keys of new identifiers are on disk before their tokens return.
    """

    def __init__(self, keystore: Keystore, tenant: str, phone_region: str, *, normalise: Normalise, nid: Name) -> None:
        self._keystore = keystore
        self._region = phone_region
        self._normalise = normalise
        self._nid = nid
        self._tenant_key = keystore.tenant_key(tenant)
        self._ciphers: OrderedDict[str, str] = OrderedDict()
        self._destroyed_seen = 0

    def tokens(self, shown: Iterable[S]) -> dict[S, Token | None]:
        """The token of each identifier; None for one whose value cannot be what its type says."""
        named: dict[S, tuple[str, str] | None] = {s: self._named(s) for s in dict.fromkeys(shown)}
        ciphers = self._of(dict(filter(None, named.values())))
        return {s: Token(s.type, name[0], ciphers[name[0]]) if name else None for s, name in named.items()}

    def reads(self, shown: Shown) -> bool:
        """Whether the value can be what its type says."""
        return self._normalise(shown.type, shown.value, self._region) is not None

    def _named(self, shown: Shown) -> tuple[str, str] | None:
        value = self._normalise(shown.type, shown.value, self._region)
        return None if value is None else (self._nid(self._tenant_key, shown.type, value), value)

    def _of(self, values: dict[str, str]) -> dict[str, str]:
        """The ciphertext by nid, from memory where it is remembered."""
        self._forget_destroyed()
        remembered = self._ciphers
        known = {nid: remembered[nid] for nid in values if nid in remembered}
        for nid in known:
            remembered.move_to_end(nid)
        for nid, key in self._keystore.data_keys(nid for nid in values if nid not in known).items():
            known[nid] = remembered[nid] = seal(key, nid, values[nid])
        while len(remembered) > MOST_REMEMBERED:
            remembered.popitem(last=False)
        return known

    def _forget_destroyed(self) -> None:
        # Asked for every batch, because another process destroys keys; memory must not outlive one.
        self._destroyed_seen, destroyed = self._keystore.destroyed_after(self._destroyed_seen)
        for nid in destroyed:
            self._ciphers.pop(nid, None)


def seal(key: bytes | None, nid: str, value: str) -> str:
    """The value under the key of its nid, in base64url: AES-256-SIV (RFC 5297, deterministic) bound to the nid."""
    if key is None:
        return DESTROYED
    return base64.urlsafe_b64encode(AESSIV(key).encrypt(value.encode(), [nid.encode()])).decode()


def open_(key: bytes, token: Token) -> str:
    """The value of a token, for those who may see it. Raises `cryptography.exceptions.InvalidTag` for another key."""
    return AESSIV(key).decrypt(base64.urlsafe_b64decode(token.cipher), [token.nid.encode()]).decode()
