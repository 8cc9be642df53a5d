"""Throughput: interleaved rounds of all peers on the same input, each final state compared with the reference."""

from collections.abc import Callable, Iterator

import msgspec

from bench import events, reference
from bench.build import Peer
from bench.cluster import Cluster
from bench.plan import Plan
from bench.setup import Setup
from bench.trial import Child, Measured, figures, watch

SLOWEST = {"faust_table": 500, "quixstreams": 5_000, "product": 5_000}  # events/s below which a peer has failed


class Input(msgspec.Struct, frozen=True):
    """A topic that was written once, and what is right after it."""

    topic: str
    events: int
    right: reference.Levels
    second: Callable[[reference.Said], int]


def inputs(cluster: Cluster, plan: Plan, peers: list[Peer], tell: Callable[[str], None]) -> dict[str, Input]:
    """The input of each peer, written and counted. Peers with the same number of events share it."""
    made: dict[tuple[str, int], Input] = {}
    found = {}
    for peer in peers:
        kind, count = "movements" if peer.name == "product" else "events", plan.events_of(peer.name)
        if (kind, count) not in made:
            tell(f"writing and counting {count:,} {kind}")
            made[kind, count] = prepare(cluster, kind, count, plan.keys, plan.seed)
        found[peer.name] = made[kind, count]
    return found


def prepare(cluster: Cluster, kind: str, count: int, keys: int, seed: int, *, of: str = "bench") -> Input:
    """Write one input and count what must come of it."""
    topic = f"{of}.{kind}.{count}.{keys}"
    cluster.create(topic)
    if kind == "movements":
        events.write(cluster.bootstrap, topic, events.movements(count, keys, seed))
        right = reference.count_movements(cluster.bootstrap, topic, count)
        return Input(topic, count, right, lambda said: said.movements)
    events.write(cluster.bootstrap, topic, events.events(count, keys, seed))
    return Input(topic, count, reference.count_events(cluster.bootstrap, topic, count), lambda said: said.reserved)


def order(rounds: int, peers: list[Peer]) -> Iterator[tuple[int, Peer]]:
    """Every peer once a round, the order turned by one each round, so that drift of the machine hits all alike."""
    for number in range(1, rounds + 1):
        turn = (number - 1) % len(peers)
        yield from ((number, peer) for peer in peers[turn:] + peers[:turn])


def run(cluster: Cluster, plan: Plan, peer: Peer, number: int, given: Input, *, workers: int = 1) -> Measured:
    """One trial, verified. Raises `reference.Wrong`, or `RuntimeError` when the peer dies or never ends."""
    prefix = f"{peer.name}-{number}-{workers}-{given.events}"
    setup = Setup.named(prefix, cluster.bootstrap, given.topic, plan.commit_of(peer.name), plan.folder)
    topics(cluster, setup)
    progress = cluster.progress(group_of(peer, setup), given.topic)
    children = [start(peer, setup, str(slot)) for slot in range(workers)]
    try:
        limit = 60 + given.events / SLOWEST.get(peer.name, 10_000)
        samples = watch(children, progress, given.events, limit)
        measured = figures(children, samples, peer.name, number, setup)
    finally:
        for child in children:
            child.stop()
        progress.close()
    outputs = reference.compare(cluster.bootstrap, setup.output, given.right, given.second)
    cluster.drop(prefix)
    cluster.drop(setup.group)
    return msgspec.structs.replace(measured, outputs=outputs)


def topics(cluster: Cluster, setup: Setup) -> None:
    """What a trial writes to; peers that keep a changelog make that one themselves."""
    cluster.create(setup.output, compacted=True)
    cluster.create(f"{setup.prefix}.marks", f"{setup.prefix}.late")


def start(peer: Peer, setup: Setup, slot: str = "0") -> Child:
    own = msgspec.structs.replace(setup, slot=slot, options=peer.options)
    return Child(peer.command, own)


def group_of(peer: Peer, setup: Setup) -> str:
    """The consumer group whose offsets tell how far a peer has come: our runtime derives it from the job's name."""
    return f"zhongtai.{setup.prefix}" if peer.name in ("zhongtai", "product") else setup.group
