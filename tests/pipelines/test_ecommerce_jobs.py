"""The first jobs of the web feeds: what becomes of each raw record, and that each is taken once. No broker is needed."""

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.feed_cipher import FeedCipher
from connectors.keystore import Keystore
from connectors.settings import Settings
from contracts.behaviour import Behaviour, event_id
from contracts.dead_letters import DeadLetter
from contracts.late import Late
from contracts.orders import OrderFact, OrderMarks
from contracts.wire import decoder, encode
from oneid.names import name_tokens
from pipelines.batch import Run, State
from pipelines.batch.distinct import Seen
from pipelines.jobs import raw_ecommerce_to_event_behaviour as behaviour
from pipelines.jobs import raw_ecommerce_to_event_order as orders
from tests.pos_examples import REFERENCE_LINES, StillClock
from tests.shopify_examples import SHOP, call, delivery, order, refund

NOON_MS = 1_795_348_800_000  # 2026-11-22T12:00:00Z


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "products-3.jsonl").write_text("\n".join(map(json.dumps, REFERENCE_LINES)))
    return Settings(home=tmp_path, tenant="t")


def run(*values: bytes, format: str, headers: dict[str, bytes] | None = None) -> Run:
    n = len(values)
    told = [("zt_format", format.encode()), ("zt_file", b"day.jsonl"), ("zt_line", b"7"), *(headers or {}).items()]
    return Run(
        "raw.ecommerce",
        2,
        100,
        100 + n,
        list(range(100, 100 + n)),
        [b"t|x"] * n,
        list(values),
        [NOON_MS] * n,
        [told] * n,
    )


def taken(settings: Settings, one: Run, state: dict[bytes, Any] | None = None) -> Any:
    job = orders.job(settings)
    return job.step(State(decoder(OrderMarks), state if state is not None else {}), job.prepare(one))


def test_an_order_message_becomes_a_fact_whose_identifiers_are_tokens(settings: Settings) -> None:
    effects = taken(settings, run(delivery("orders/create", order()), format="shopify"))
    (output,) = effects.outputs
    fact = output.record
    assert isinstance(fact, OrderFact)
    assert (output.topic, output.key, output.by) == (
        "event.order", f"t|{fact.order_id}|{fact.fact_id}".encode(), f"t|{fact.order_id}".encode(),
    )  # fmt: skip
    assert fact.snapshot is not None
    assert [token.type for token in fact.snapshot.identifiers] == ["shop_customer", "email", "phone"]
    assert all(token.cipher for token in fact.snapshot.identifiers)
    assert (fact.known_at, fact.origin.offset, fact.origin.file, fact.origin.line) == (
        "2026-11-22T12:00:00Z",
        100,
        "day.jsonl",
        7,
    )
    assert "wang@" not in repr(effects)
    assert "13812345678" not in repr(effects)


def test_names_leave_the_first_job_as_hashes_of_their_sounds_only(settings: Settings) -> None:
    address = {"name": "李伟", "phone": "13900001111"}
    customer = {"id": 7, "first_name": "芳", "last_name": "王"}
    effects = taken(
        settings, run(delivery("orders/create", order(customer=customer, shipping_address=address)), format="shopify")
    )
    snapshot = effects.outputs[0].record.snapshot
    key = Keystore(settings.home, StillClock()).tenant_key("t")
    assert (snapshot.name_tokens, snapshot.receiver.name_tokens) == (name_tokens("王芳", key), name_tokens("李伟", key))
    assert [token.type for token in snapshot.receiver.identifiers] == ["phone"]
    assert not any(clear in repr(effects) for clear in ("王", "李伟", "13900001111"))


def test_a_fact_is_taken_once_also_after_a_restart(settings: Settings) -> None:
    one, two = delivery("orders/create", order()), delivery("refunds/create", refund())
    state: dict[bytes, Any] = {}
    effects = taken(settings, run(one, two, one, format="shopify"), state)
    assert [output.record.kind for output in effects.outputs] == ["created", "refunded"]
    state |= {k: encode(marks) for k, marks in effects.changes.items()}
    assert taken(settings, run(two, one, format="shopify"), state).outputs == []


def test_what_is_refused_is_a_dead_letter_that_opens_again(settings: Settings) -> None:
    bad = delivery("orders/create", order(currency="RMB"))
    (output,) = taken(settings, run(bad, format="shopify")).outputs
    letter = output.record
    assert isinstance(letter, DeadLetter)
    assert (output.topic, letter.code, letter.place, letter.format) == (
        "dlq.ecommerce",
        "unknown_currency",
        "body.currency",
        "shopify",
    )
    cipher = FeedCipher(Keystore(settings.home, StillClock()), "t", "ecommerce")
    assert cipher.decrypt(letter.id, letter.cipher) == bad


def test_a_repaired_message_says_so_beside_its_dead_letter(settings: Settings) -> None:
    mended = run(delivery("orders/create", order()), format="shopify", headers={"zt_repairs": b"abc"})
    fact, letter = (output.record for output in taken(settings, mended).outputs)
    assert (letter.id, letter.status, letter.repaired_by) == ("abc", "repaired", fact.fact_id)


def test_a_request_is_read_with_its_headers(settings: Settings) -> None:
    about = {"zt_topic": b"orders/create", "zt_shop": SHOP.encode()}
    (output,) = taken(settings, run(json.dumps(order()).encode(), format="shopify", headers=about)).outputs
    assert output.record.kind == "created"


def test_each_job_leaves_the_others_format_alone_and_one_refuses_the_rest(settings: Settings) -> None:
    event, message = json.dumps(call()).encode(), delivery("orders/create", order())
    assert taken(settings, run(event, format="segment")).outputs == []
    assert behaviour.job(settings).prepare(run(message, format="shopify")) == []
    assert behaviour.job(settings).prepare(run(message, format="carrier pigeon")) == []
    (output,) = taken(settings, run(message, format="carrier pigeon")).outputs
    assert output.record.code == "unknown_format"


def heard(settings: Settings, *calls: dict[str, Any], headers: dict[str, bytes] | None = None) -> list[Any]:
    return list(
        behaviour.job(settings).prepare(
            run(*(json.dumps(c).encode() for c in calls), format="segment", headers=headers)
        )
    )


def test_a_call_becomes_an_event_whose_identifiers_are_tokens(settings: Settings) -> None:
    (event,) = heard(settings, call(userId="13812345678", traits={"email": "a@b.cn"}))
    (output,) = behaviour.step(None, [event]).outputs
    record = output.record
    assert isinstance(record, Behaviour)
    assert (output.topic, record.event_id) == ("event.behaviour", event_id("t", "m-1"))
    assert [token.type for token in record.identifiers] == ["phone", "cookie", "email"]
    assert "13812345678" not in repr(output)


def test_only_the_reading_that_is_used_gets_a_key(settings: Settings) -> None:
    heard(settings, call(userId="20231122000001", anonymousId=None))
    names = [row[0] for row in Keystore(settings.home, StillClock())._db.execute("SELECT nid FROM data_keys")]
    assert len(names) == 1


def test_an_identifier_that_cannot_be_read_costs_its_type_and_not_the_call(settings: Settings) -> None:
    (event,) = heard(settings, call(traits={"phone": "12"}))
    assert ([t.type for t in event.record.identifiers], event.record.unreadable) == (["login", "cookie"], ("phone",))


def test_calls_are_told_apart_by_their_ids(settings: Settings) -> None:
    events = heard(settings, call(), call(messageId="m-2"), call(timestamp="2026-11-22T02:30:01Z"))
    seen = Seen(behaviour.job(settings).distinct)  # type: ignore[arg-type]
    assert [e.record.event_id for e in seen.judge(events).fresh] == [event_id("t", "m-1"), event_id("t", "m-2")]


def test_a_call_that_is_refused_makes_no_call_of_long_ago_late(settings: Settings) -> None:
    job = behaviour.job(settings)
    seen = Seen(job.distinct)  # type: ignore[arg-type]
    old = {"timestamp": "2025-11-22T02:30:00Z"}
    first, refused, second = call(**old), call(type="nonsense"), call(**old, messageId="m-2")
    judged = [seen.judge(heard(settings, one)) for one in (first, refused, second, first)]
    assert [len(one.fresh) for one in judged] == [1, 0, 1, 0]
    outputs = [*behaviour.step(None, judged[1].fresh).outputs, *behaviour.late(judged[1].late)]
    assert [(o.topic, o.record.code != "") for o in outputs] == [("dlq.ecommerce", True)]


def test_a_clock_that_runs_ahead_makes_nothing_else_late(settings: Settings) -> None:
    seen = Seen(behaviour.job(settings).distinct)  # type: ignore[arg-type]
    events = heard(settings, call(timestamp="2036-11-22T02:30:00Z"), call(messageId="m-2"))
    assert len(seen.judge(events).fresh) == 2


def test_what_is_too_old_to_judge_waits_whole(settings: Settings) -> None:
    seen = Seen(behaviour.job(settings).distinct)  # type: ignore[arg-type]
    events = heard(settings, call(), call(messageId="m-2", timestamp="2026-10-01T00:00:00Z"))
    judged = seen.judge(events)
    (output,) = behaviour.late(judged.late)
    assert isinstance(output.record, Late)
    assert output.topic == "event.late"
    assert decoder(Behaviour)(bytes(output.record.record)) == events[1].record


def test_a_repair_is_told_also_of_a_call_that_was_taken(settings: Settings) -> None:
    seen = Seen(behaviour.job(settings).distinct)  # type: ignore[arg-type]
    seen.judge(heard(settings, call()))
    judged = seen.judge(heard(settings, call(), headers={"zt_repairs": b"abc"}))
    assert not judged.fresh
    (output,) = behaviour.late(judged.late)
    assert output.topic == "dlq.ecommerce"
    assert (output.record.id, output.record.status, output.record.repaired_by) == (
        "abc",
        "repaired",
        event_id("t", "m-1"),
    )


def test_a_call_that_is_none_is_a_dead_letter(settings: Settings) -> None:
    (event,) = heard(settings, call(type="buy"))
    (output,) = behaviour.step(None, [event]).outputs
    assert (output.topic, output.record.code, output.record.format) == ("dlq.ecommerce", "bad_value", "segment")
