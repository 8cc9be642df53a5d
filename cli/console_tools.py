"""What the console's pages need of pipelines and of the formats: handed over here, because the service may import neither."""

import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cli.feeds import known
from connectors.clock import SystemClock
from connectors.feeds import Format
from connectors.settings import Settings

if TYPE_CHECKING:
    from oneid.resolve import Resolution
    from oneid.rules import Rules
    from oneservice.console.tools import Tools
    from pipelines.members.known import Known

FRESH_S = 30.0


def tools(settings: Settings) -> "Tools":
    from oneservice.console.tools import Tools

    return Tools(lambda feed: formats(settings, feed), Evidence(settings).around, Segments(settings))


def formats(settings: Settings, feed: str) -> Mapping[str, Format]:
    """The formats of a feed, opened. Raises `BadInput` for a feed that does not exist."""
    return {name: form.open(settings) for name, form in known(feed).items()}


class Evidence:
    """Who is who and why, read at most every `FRESH_S`. May be shared between threads: one reads, the others wait."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._known: tuple[float, Known] | None = None

    def around(self, nids: Sequence[str]) -> "tuple[Resolution, Rules]":
        """All that F decides of everything connected with these identifiers, and the rules in force."""
        from pipelines.members.known import known as read
        from pipelines.members.known import resolution

        with self._lock:
            if self._known is None or time.monotonic() - self._known[0] > FRESH_S:
                self._known = (time.monotonic(), read(self._settings))
            what = self._known[1]
        # A member's identifiers are all connected, so two of them (or one) lead to the others.
        answer, _ = resolution(what, nids[0], nids[-1])
        return answer, what.rules


class Segments:
    """What `zhongtai segments` does, for the console."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def overview(self) -> list[dict[str, Any]]:
        from pipelines.segments import building

        return building.overview(self._settings)

    def build(self, name: str) -> None:
        from pipelines.segments import building, reading

        building.build(self._settings, reading.find(self._settings, name), SystemClock())

    def export(self, name: str, form: str, file: str, role: str, reveal: str) -> tuple[bytes, dict[str, Any]]:
        from pipelines.segments import building, exporting

        snapshot = building.fit(self._settings, name)
        made = exporting.exported(self._settings, snapshot, form, SystemClock(), name=file, role=role, reveal=reveal)
        return made.content, made.manifest
