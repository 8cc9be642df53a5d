"""Refused bytes are kept encrypted under the feed's key, and named so that the same bytes are one dead letter."""

import base64
import hmac
import zlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from connectors.keystore import Keystore
from contracts.errors import Corrupt


def dead_letter_id(tenant_key: bytes, feed: str, refused: bytes) -> str:
    """128 bits of HMAC-SHA-256 of the bytes, in hex. A plain hash would let anyone test guesses of a phone number."""
    return hmac.digest(tenant_key, b"dead letter\0" + feed.encode() + b"\0" + refused, "sha256")[:16].hex()


class FeedCipher:
    """The dead letters of one feed. Deterministic: a replay writes the same id and the same ciphertext."""

    def __init__(self, keystore: Keystore, tenant: str, feed: str) -> None:
        self._feed = feed
        self._tenant_key = keystore.tenant_key(tenant)
        self._cipher = AESSIV(keystore.feed_key(tenant, feed))

    def id(self, refused: bytes) -> str:
        return dead_letter_id(self._tenant_key, self._feed, refused)

    def encrypt(self, id: str, refused: bytes) -> str:
        """The bytes, compressed, under the feed's key, bound to the feed and the id; base64."""
        sealed = self._cipher.encrypt(zlib.compress(refused), [self._feed.encode(), id.encode()])
        return base64.b64encode(sealed).decode()

    def decrypt(self, id: str, cipher: str) -> bytes:
        """The bytes again. Raises `Corrupt` when the cipher was made under another key, or for another feed or id."""
        try:
            sealed = base64.b64decode(cipher, validate=True)
            return zlib.decompress(self._cipher.decrypt(sealed, [self._feed.encode(), id.encode()]))
        except (InvalidTag, ValueError, zlib.error):
            raise Corrupt(
                f"Dead letter {id} does not open under the key of feed {self._feed}.",
                "Use the key store of the installation that wrote it.",
            ) from None
