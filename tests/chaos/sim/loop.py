"""Virtual time and processes inside one event loop: the same seed gives the same run, to the last callback.

Each callback belongs to the process whose context it carries. A killed process' callbacks are dropped, so nothing of it runs
again, not even a `finally`; a stopped one's are set aside until it goes on, as SIGSTOP and SIGCONT do.
"""

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")
TICK_S = 0.0004  # what a turn of the loop takes at most: without it nothing would happen between two slices of a run


class Process:
    """A worker process, to the scheduler: running, stopped or dead. The dead never come back."""

    def __init__(self, loop: "VirtualLoop", name: str) -> None:
        self.loop = loop
        self.name = name
        self.alive = True
        self.parked: list[asyncio.Handle] | None = None
        self.lag_s = 0.0  # so much longer its requests take to arrive
        self.context = copy_context()
        self.context.run(PROCESS.set, self)

    def run(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start `work` as this process; every task that it starts in turn belongs to the process as well."""
        return self.loop.create_task(work, context=self.context)

    def kill(self) -> None:
        """kill -9: takes effect at the next await. Requests that have left still arrive."""
        self.alive = False
        self.parked = None

    def stop(self) -> None:
        """SIGSTOP: takes effect at the next await."""
        if self.parked is None:
            self.parked = []

    def resume(self) -> None:
        """SIGCONT: everything goes on where it was, in the order in which it came due."""
        parked, self.parked = self.parked, None
        if self.alive and parked:
            self.loop._ready.extend(parked)  # type: ignore[attr-defined]


PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop whose clock jumps to the next timer. Timers that come due together run in a seeded order.

    Callbacks that are ready keep asyncio's order, first come first served: code may rely on it.
    """

    def __init__(self, random: Random) -> None:
        super().__init__()
        self.now = 0.0
        self._random = random
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._sequence = 0
        self._work: list[Coroutine[Any, Any, Any]] = []
        self.set_exception_handler(lambda _loop, _context: None)  # tasks of dead processes are never awaited

    def time(self) -> float:
        return self.now

    def create_task(self, coro: Any, **kwargs: Any) -> asyncio.Task[Any]:
        self._work.append(coro)
        return super().create_task(coro, **kwargs)

    def close(self) -> None:
        """Close what never ended, now rather than when the collector comes by: that would be in the midst of another run."""
        for work in self._work:
            work.close()
        self._work = []
        super().close()

    def call_at(self, when: float, callback: Any, *args: Any, context: Context | None = None) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        self._sequence += 1
        heapq.heappush(self._timers, (when, self._sequence, timer))
        return timer

    def call_later(
        self, delay: float, callback: Any, *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.now + delay, callback, *args, context=context)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Cancelled timers are skipped when they come due."""

    def _check_closed(self) -> None:
        """Coroutines of dead processes are closed after the run: they may still schedule, to no effect."""

    def _run_once(self) -> None:
        ready = self._ready  # type: ignore[attr-defined]
        self.now = self.now + self._random.random() * TICK_S if ready else max(self.now, self._timers[0][0])
        timers, due = self._timers, []
        while timers and timers[0][0] <= self.now:
            due.append(heapq.heappop(timers)[2])
        if len(due) > 1:
            self._random.shuffle(due)
        ready.extend(due)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle._cancelled:
                continue
            process = handle._context.get(PROCESS)
            if process is None or (process.alive and process.parked is None):
                handle._run()
            elif process.alive:
                process.parked.append(handle)


class Network:
    """Carries requests to the broker and replies back, with seeded delays. It belongs to no process.

    A request that has left arrives, whatever happens to its sender.
    """

    def __init__(self, loop: VirtualLoop, random: Random) -> None:
        self._loop = loop
        self._random = random
        self.context = copy_context()

    def delay(self) -> float:
        """Whole milliseconds, so that things do happen at the same time; now and then a slow one."""
        luck = self._random.random()
        longest = 8 if luck < 0.85 else 80 if luck < 0.98 else 400
        return self._random.randint(1, longest) / 1000

    async def call(self, request: Callable[[], T | asyncio.Future[T]]) -> T:
        """Run `request` at the broker, some time later; its result, or its exception, comes back later still."""
        process = PROCESS.get()
        reply: asyncio.Future[T] = self._loop.create_future()
        if process is None or process.alive:
            delay = self.delay() + (process.lag_s if process is not None else 0)
            self._loop.call_later(delay, self._arrive, request, reply, context=self.context)
        return await reply

    def _arrive(self, request: Callable[[], Any], reply: asyncio.Future[Any]) -> None:
        try:
            result = request()
        except Exception as error:
            self._answer(reply, None, error)
            return
        if isinstance(result, asyncio.Future):
            result.add_done_callback(
                lambda done: self._answer(
                    reply, *((None, done.exception()) if done.exception() else (done.result(), None))
                )
            )
        else:
            self._answer(reply, result, None)

    def _answer(self, reply: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
        self._loop.call_later(self.delay(), _set, reply, result, error, context=self.context)


def _set(reply: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if reply.done():
        return  # whoever waited has given up
    if error is not None:
        reply.set_exception(error)
    else:
        reply.set_result(result)
