"""`dlq.<feed>`: what was refused, why, and its bytes under the feed's key."""

from typing import ClassVar, Literal

from contracts.receipts import Origin
from contracts.wire import Record


class DeadLetter(Record, frozen=True, kw_only=True, gc=False):
    """Keyed (tenant, id). `id` is a keyed hash of the original bytes, so a record refused twice is one dead letter.

    When a corrected form is accepted, a record with status `repaired` comes to stand beside the refusal, under the key
    (tenant, id, "repaired"), without code, place and cipher; `repaired_by` is the id of what the record became.
    `format` is how the bytes are written ("": the feed's first format), so that a mended form is read in the same way.
    `cipher` is base64 of the original bytes encrypted under the feed key, with the id as associated data.
    """

    TYPE: ClassVar[str] = "dlq"
    V: ClassVar[int] = 1

    v: int = 1
    tenant: str
    feed: str
    id: str
    status: Literal["refused", "repaired"]
    code: str
    place: str
    cipher: str
    refused_at: str
    origin: Origin
    repaired_by: str | None = None
    format: str = ""
