import random
import uuid

import pytest
from aiokafka.partitioner import murmur2 as reference
from hypothesis import given
from hypothesis import strategies as st

from contracts.keys import NAMESPACE, key, murmur2, partition, record_id
from contracts.receipts import receipt_id


def test_murmur2_equals_another_implementation_on_random_bytes():
    dice = random.Random(7)
    for _ in range(2_000):
        data = dice.randbytes(dice.randrange(64))
        assert murmur2(data) == reference(data) & 0xFFFFFFFF


@pytest.mark.parametrize(("text", "hash_"), [(b"21", -973932308), (b"foobar", -790332482), (b"abc", 479470107)])
def test_murmur2_equals_the_values_in_kafkas_own_tests(text, hash_):
    assert murmur2(text) == hash_ & 0xFFFFFFFF


def test_partitions_are_pinned_because_moving_one_would_give_a_key_two_owners():
    assert [partition(key("demo", f"S{n:04}"), 4) for n in range(8)] == [1, 1, 0, 1, 3, 0, 0, 1]


def test_the_tenant_leads_every_key():
    assert key("t", "S1", 7) == b"t|S1|7"


def test_ids_are_pinned_because_changing_one_would_count_a_receipt_twice():
    assert receipt_id("demo", "S0001", "T1", "2026-11-22", 7) == "7644c1dd-8132-5bd5-85b2-e25561774797"
    assert record_id("demo", "stock_movement", "x", 1) == "bbb5941b-7517-5a9b-b640-e20887213c2e"


@given(st.text(), st.text(), st.integers())
def test_an_id_is_the_uuid5_of_the_standard_library(tenant, source, n):
    assert record_id(tenant, source, n) == str(uuid.uuid5(NAMESPACE, f"{tenant}|{source}|{n}"))
