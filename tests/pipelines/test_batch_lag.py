"""How far a worker is behind, while its group joins again."""

import asyncio

import aiokafka

from pipelines.batch.engine import Owned
from pipelines.batch.faust_host import lag

HELD, GONE, ASLEEP = ("t", 0), ("t", 1), ("t", 2)


def owned(done: int, *, live: bool = True) -> Owned:
    one = Owned()
    one.done, one.live = done, live
    return one


def test_a_partition_that_the_client_has_let_go_of_does_not_count_and_ends_nothing() -> None:
    asyncio.run(_with_a_client())


async def _with_a_client() -> None:
    client = aiokafka.AIOKafkaConsumer()  # never started: no broker is asked
    mine = {HELD: owned(4), GONE: owned(0), ASLEEP: owned(0, live=False)}
    assert lag(client, mine) == 0  # nothing is assigned, as while a group joins
    client.assign([aiokafka.TopicPartition(*HELD), aiokafka.TopicPartition(*ASLEEP)])
    assert lag(client, mine) == 0  # nothing was fetched yet
    for place in client.assignment():
        client._subscription.subscription.assignment.state_value(place).lso = 10
    assert lag(client, mine) == 6
