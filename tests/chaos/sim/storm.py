"""Seeded faults: what to break next, and whom. Each fault is an action on the world, weighted."""

import asyncio
from typing import TYPE_CHECKING, Any

from tests.chaos.sim.plan import STEPS, Action, Rule

if TYPE_CHECKING:
    from tests.chaos.sim.world import Worker, World

MOST_SLOTS = 4
BACK_S = (0.05, 0.3, 1.0, 4.5)  # within the session, and after it


async def storm(world: "World") -> None:
    """Break something every now and then, for as long as the plan says."""
    while world.loop.now < world.plan.storm_s:
        await asyncio.sleep(world.random.uniform(0.05, 0.8))
        (fault,) = world.random.choices(list(FAULTS), list(FAULTS.values()))
        world.note("fault:", fault.__name__)
        fault(world)


def kill(back_in_s: float) -> Action:
    def kill(_world: "World", worker: "Worker") -> None:
        worker.kill(back_in_s)

    return kill


def pause(seconds: float) -> Action:
    def pause(_world: "World", worker: "Worker") -> None:
        worker.pause(seconds)

    return pause


def pause_with_twin(seconds: float) -> Action:
    """Stop a process, start a second one with its slot, and let the first go on."""

    def pause_with_twin(world: "World", worker: "Worker") -> None:
        worker.pause(seconds)
        world.later(seconds / 2, world.start, worker.slot)

    return pause_with_twin


def _some(world: "World") -> Any:
    return world.random.choice(world.workers) if world.workers else None


def _long(world: "World") -> float:
    return world.random.choice((0.05, 0.4, 2.0, 4.0, 5.0, 7.0))


def kill_now(world: "World") -> None:
    if (worker := _some(world)) is not None and worker.process.alive:
        worker.kill(world.random.choice(BACK_S))


def pause_now(world: "World") -> None:
    if (worker := _some(world)) is not None:
        worker.pause(_long(world))


def at_a_step(world: "World") -> None:
    """Arm a kill, a pause or a twin at a named step: the next worker that comes by gets it."""
    make = world.random.choice((kill, kill, pause, pause, pause_with_twin))
    how_long = world.random.choice(BACK_S) if make is kill else _long(world)
    world.rules.append(Rule(world.random.choice(STEPS), make(how_long), nth=world.random.choice((1, 1, 2, 3))))


def twin_now(world: "World") -> None:
    if world.current and len(world.workers) <= MOST_SLOTS:
        world.start(world.random.choice(sorted(world.current)))


def join(world: "World") -> None:
    free = [slot for slot in "abcd"[:MOST_SLOTS] if slot not in world.current]
    if free:
        world.start(free[0])


def leave(world: "World") -> None:
    if len(world.current) > 1:
        world.leave(world.random.choice(sorted(world.current)))


def refuse(world: "World") -> None:
    world.broker.hiccups = world.random.choice((1, 1, 2, 4))


def lose_a_reply(world: "World") -> None:
    world.broker.lost_replies = 1


def lose_heartbeats(world: "World") -> None:
    """A worker is expelled while it goes on working."""
    if (worker := _some(world)) is not None:
        for host in worker.hosts:
            if hasattr(host, "consumer"):
                host.consumer.silent_until = world.loop.now + world.random.choice((2.0, 4.0, 6.0))


def delay_requests(world: "World") -> None:
    """What a worker sends arrives late, perhaps after it has died or lost its partitions."""
    if (worker := _some(world)) is not None:
        worker.process.lag_s = world.random.choice((0.2, 1.0, 3.5))
        world.later(world.random.uniform(0.5, 4.0), setattr, worker.process, "lag_s", 0.0)


def slow_restores(world: "World") -> None:
    for worker in world.workers:
        for host in worker.hosts:
            host.log.slow_s = world.random.choice((0.0, 0.3, 1.5))


def compact(world: "World") -> None:
    world.compact()


FAULTS = {
    kill_now: 10,
    at_a_step: 30,
    pause_now: 10,
    twin_now: 3,
    join: 5,
    leave: 4,
    refuse: 8,
    slow_restores: 5,
    lose_a_reply: 3,
    lose_heartbeats: 6,
    delay_requests: 6,
    compact: 6,
}
