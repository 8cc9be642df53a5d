"""`raw.pos` → `event.receipt`: decode, tokenise, accept, and take each receipt once. What is refused goes to `dlq.pos`."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from centers.receipts import marks
from centers.receipts.accept import accept
from connectors.feed_cipher import FeedCipher
from connectors.instants import from_millis
from connectors.keystore import Keystore
from connectors.pos.receipts_jsonl import decode
from connectors.reference import load_products
from connectors.settings import Settings
from connectors.tokens import Tokeniser
from contracts.dead_letters import DeadLetter
from contracts.keys import SEPARATOR, key
from contracts.pos import PosReceipt
from contracts.products import Products
from contracts.receipts import Origin, Receipt, ReceiptMarks
from contracts.refusals import Refused
from contracts.wire import headers
from pipelines.batch import Effects, Job, Output, Run, State, Table

FEED = "pos"


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


class Reader:
    """The outside of this job: keys, tokens and the product reference. Loaded once; a new version needs a new worker."""

    def __init__(self, settings: Settings, keystore: Keystore, load: Callable[[], Products]) -> None:
        self._settings = settings
        self._keystore = keystore
        self._load = load
        self._products: Products | None = None
        self._tokenisers: dict[str, Tokeniser] = {}
        self._ciphers: dict[str, FeedCipher] = {}

    def prepare(self, run: Run) -> list[Taken]:
        """Steps 2 and 3 of the protocol for a run of raw records. Keys are durable before it returns."""
        if self._products is None:
            self._products = self._load()
        decoded = [decode(value) for value in run.values]
        tenants = [k.split(SEPARATOR.encode(), 1)[0].decode() for k in run.keys]
        for tenant in set(tenants):
            shown = [i for t, d in zip(tenants, decoded, strict=True) if t == tenant and isinstance(d, PosReceipt) for i in d.identifiers]
            self._tokeniser(tenant).prepare(shown)
        return [
            self._take(tenants[i], run, i, decoded[i])
            for i in range(len(decoded))
        ]
