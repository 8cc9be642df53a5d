"""`raw.pos` → `event.receipt`: decode, tokenise, accept, and take each receipt once. What is refused goes to `dlq.pos`."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from centers.receipts import marks
from centers.receipts.accept import accept
from connectors.pos import poslog, receipts_jsonl
from connectors.settings import Settings
from contracts.dead_letters import DeadLetter
from contracts.keys import key
from contracts.pos import PosReceipt, ShownIdentifier
from contracts.receipts import Receipt, ReceiptMarks, Token
from contracts.refusals import Refused
from contracts.wire import headers
from pipelines.batch import Effects, Job, Output, Run, State, Table
from pipelines.intake import Desk, Intake, Raw, by_desk, dead

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
            outputs.append(dead(record))
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
            outputs.append(dead(repaired))
    return Effects(changes, outputs)


def _event(receipt: Receipt) -> Output:
    return Output(
        "event.receipt",
        key(receipt.tenant, receipt.store, receipt.till, receipt.business_date, receipt.number),
        key(receipt.tenant, receipt.store),
        receipt,
        headers(Receipt, receipt.receipt_id, "/feeds/pos", receipt.at),
    )


class Reader:
    """Steps 2 and 3 of the protocol for raw receipts."""

    def __init__(self, settings: Settings) -> None:
        self._intake = Intake(FEED, settings)

    def prepare(self, run: Run) -> list[Taken]:
        """Every record of the run, in its order: a receipt, or a dead letter. Keys of its tokens are durable."""
        decoded = [(desk, one, _decode(one)) for desk, one in self._intake.records(run)]
        shown = by_desk(
            (desk, s) for desk, _, said in decoded if isinstance(said, PosReceipt) for s in said.identifiers
        )
        tokens = {desk: desk.tokens(mine) for desk, mine in shown.items()}
        return [self._take(desk, one, said, tokens.get(desk, {})) for desk, one, said in decoded]

    def _take(self, desk: Desk, one: Raw, said: PosReceipt | Refused, tokens: Mapping[ShownIdentifier, Token]) -> Taken:
        receipt = (
            said
            if isinstance(said, Refused)
            else accept(desk.tenant, said, self._intake.products, tokens, received_at=one.at, origin=one.origin)
        )
        if isinstance(receipt, Refused):
            return Taken(desk.refuse(_named(one), receipt))
        return Taken(receipt, desk.repaired(one, receipt.receipt_id))


def _decode(one: Raw) -> PosReceipt | Refused:
    """The receipt, read by the format that its header names. Without a header it is a line of JSON, as it always was."""
    return poslog.decode(one.value) if one.format == poslog.FORMAT else receipts_jsonl.decode(one.value)


def _named(one: Raw) -> Raw:
    """As its dead letter names it: without a format where it is the feed's first, which older releases did not name."""
    return one if one.format == poslog.FORMAT else one._replace(headers={**one.headers, "zt_format": ""})


def job(settings: Settings) -> Job:
    return Job(
        name="accept_receipts",
        inputs=("raw.pos",),
        prepare=Reader(settings).prepare,
        step=step,
        state=Table("log.accept_receipts", ReceiptMarks),
        slow=True,  # it decodes at length, and makes keys durable
    )
