"""`raw.pos` → `event.receipt`: decode, tokenise, accept, and take each receipt once. What is refused goes to `dlq.pos`."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from centers.receipts import marks
from centers.receipts.accept import accept
from connectors.clock import SystemClock
from connectors.feed_cipher import FeedCipher
from connectors.keystore import Keystore
from connectors.pos import poslog, receipts_jsonl
from connectors.reference import load_products
from connectors.settings import Settings
from connectors.tokens import Tokeniser
from contracts.dead_letters import DeadLetter
from contracts.instants import spelt
from contracts.keys import SEPARATOR, key
from contracts.pos import PosReceipt, ShownIdentifier
from contracts.products import Products
from contracts.receipts import Origin, Receipt, ReceiptMarks, Token
from contracts.refusals import Refused
from contracts.wire import headers
from oneid.identifiers import nid, normalise
from pipelines.batch import Effects, Job, Output, Run, State, Table

FEED = "pos"
POSLOG = poslog.FORMAT.encode()


class Taken(NamedTuple):
    """A raw record, read: a receipt or a dead letter; and the dead letter that it repairs, when it is a repaired form."""

    record: Receipt | DeadLetter
    repaired: DeadLetter | None = None


def step(state: State[ReceiptMarks], events: Sequence[Taken]) -> Effects:
    """Each receipt number of a till and day once; dead letters as often as they come, since their key collapses them."""
    changes: dict[bytes, ReceiptMarks] = {}
    outputs: list[Output] = []
    for record, repaired in events:
        if isinstance(record, DeadLetter):
            outputs.append(_dead(record))
            continue
        mark_key = key(record.tenant, record.store, record.till, record.business_date)
        old = changes.get(mark_key) or state.get(mark_key)
        seen, new = marks.add(old.seen if old else (), record.number)
        if new:
            changes[mark_key] = ReceiptMarks(
                tenant=record.tenant,
                store=record.store,
                till=record.till,
                business_date=record.business_date,
                seen=seen,
            )
            outputs.append(_event(record))
        if repaired is not None:
            outputs.append(_dead(repaired))
    return Effects(changes, outputs)


def _event(receipt: Receipt) -> Output:
    return Output(
        "event.receipt",
        key(receipt.tenant, receipt.store, receipt.till, receipt.business_date, receipt.number),
        key(receipt.tenant, receipt.store),
        receipt,
        headers(Receipt, receipt.receipt_id, "/feeds/pos", receipt.at),
    )


def _dead(letter: DeadLetter) -> Output:
    by = key(letter.tenant, letter.id)
    # The repair stands beside the refusal, under a key of its own, so that compaction keeps the original bytes.
    own = by if letter.status == "refused" else key(letter.tenant, letter.id, letter.status)
    return Output("dlq.pos", own, by, letter, headers(DeadLetter, letter.id, "/feeds/pos", letter.refused_at))


class Tenant:
    """The outside of this job for one tenant: its keys and tokens, and the product reference."""

    def __init__(self, tenant: str, settings: Settings, keystore: Keystore, products: Products) -> None:
        self._tenant = tenant
        self._products = products
        self._cipher = FeedCipher(keystore, tenant, FEED)
        self._tokeniser = Tokeniser(keystore, tenant, settings.phone_region, normalise=normalise, nid=nid)

    def tokens(self, decoded: Sequence[PosReceipt | Refused]) -> dict[ShownIdentifier, Token]:
        """The token of every identifier that can be read; their keys are durable when this returns."""
        shown = [i for d in decoded if isinstance(d, PosReceipt) for i in d.identifiers]
        return {s: token for s, token in self._tokeniser.tokens(shown).items() if token is not None}

    def take(
        self,
        raw: bytes,
        decoded: PosReceipt | Refused,
        tokens: Mapping[ShownIdentifier, Token],
        at: str,
        origin: Origin,
        format: str,
    ) -> Receipt | DeadLetter:
        result: Receipt | Refused = (
            decoded
            if isinstance(decoded, Refused)
            else accept(self._tenant, decoded, self._products, tokens, received_at=at, origin=origin)
        )
        if not isinstance(result, Refused):
            return result
        id_ = self._cipher.id(raw)
        return DeadLetter(
            tenant=self._tenant,
            feed=FEED,
            id=id_,
            status="refused",
            code=result.code,
            place=result.place,
            cipher=self._cipher.encrypt(id_, raw),
            refused_at=at,
            origin=origin,
            format=format,
        )


class Reader:
    """Steps 2 and 3 of the protocol for raw receipts. Loads keys and products once, when the first run comes."""

    def __init__(self, settings: Settings, open_keystore: Callable[[], Keystore]) -> None:
        self._settings = settings
        self._open_keystore = open_keystore
        self._keystore: Keystore | None = None
        self._products: Products | None = None
        self._tenants: dict[str, Tenant] = {}

    def prepare(self, run: Run) -> list[Taken]:
        """Every record of the run, in its order: a receipt, or a dead letter."""
        taken: list[Taken | None] = [None] * len(run.values)
        by_tenant: dict[str, list[int]] = {}
        for i, k in enumerate(run.keys):
            by_tenant.setdefault(k.decode().split(SEPARATOR, 1)[0], []).append(i)
        for name, places in by_tenant.items():
            tenant = self._tenant(name)
            decoded = [_decode(run.headers[i], run.values[i]) for i in places]
            tokens = tenant.tokens(decoded)
            for i, d in zip(places, decoded, strict=True):
                taken[i] = _taken(tenant, run, i, d, tokens)
        return [t for t in taken if t is not None]

    def _tenant(self, name: str) -> Tenant:
        if self._keystore is None or self._products is None:
            self._keystore = self._open_keystore()
            self._products = load_products(self._settings)
        if name not in self._tenants:
            self._tenants[name] = Tenant(name, self._settings, self._keystore, self._products)
        return self._tenants[name]


def _decode(fields: Sequence[tuple[str, bytes]], value: bytes) -> PosReceipt | Refused:
    """The receipt, read by the format that its header names. Without a header it is a line of JSON, as it always was."""
    for name, said in fields:
        if name == "zt_format" and said == POSLOG:
            return poslog.decode(value)
    return receipts_jsonl.decode(value)


def _taken(
    tenant: Tenant, run: Run, i: int, decoded: PosReceipt | Refused, tokens: Mapping[ShownIdentifier, Token]
) -> Taken:
    fields = dict(run.headers[i])
    at = spelt(datetime.fromtimestamp(run.times[i] / 1000, UTC))
    origin = Origin(
        run.topic,
        run.partition,
        run.offsets[i],
        fields.get("zt_file", b"").decode(errors="replace"),
        int(fields.get("zt_line", b"0")),
    )
    # Named only where it is not the feed's first: a dead letter of an older release names none either.
    format = poslog.FORMAT if fields.get("zt_format") == POSLOG else ""
    record = tenant.take(run.values[i], decoded, tokens, at, origin, format)
    repairs = fields.get("zt_repairs")
    if repairs is None or isinstance(record, DeadLetter):
        return Taken(record)
    return Taken(record, _repaired(repairs.decode(), record, at, origin))


def _repaired(repairs: str, receipt: Receipt, at: str, origin: Origin) -> DeadLetter:
    """Stands beside the dead letter that `zhongtai dlq replay` named: that one was repaired, and by what."""
    return DeadLetter(
        tenant=receipt.tenant,
        feed=FEED,
        id=repairs,
        status="repaired",
        code="",
        place="",
        cipher="",
        refused_at=at,
        origin=origin,
        repaired_by=receipt.receipt_id,
    )


def job(settings: Settings) -> Job:
    reader = Reader(settings, lambda: Keystore(settings.home, SystemClock()))
    return Job(
        name="accept_receipts",
        inputs=("raw.pos",),
        prepare=reader.prepare,
        step=step,
        state=Table("log.accept_receipts", ReceiptMarks),
        slow=True,  # it decodes at length, and makes keys durable
    )
