"""What the console's pages need of pipelines and of the formats: handed over here, because the service may import neither."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cli.feeds import known
from connectors.clock import SystemClock
from connectors.feeds import Format
from connectors.settings import Settings

if TYPE_CHECKING:
    from oneservice.console.tools import Tools


def tools(settings: Settings) -> "Tools":
    from oneservice.console.tools import Tools
    from oneservice.live.evidence import EvidenceReader
    from pipelines.profiles import platform_rules

    evidence = EvidenceReader(settings, platform_rules())
    return Tools(lambda feed: formats(settings, feed), evidence.around, Segments(settings))


def formats(settings: Settings, feed: str) -> Mapping[str, Format]:
    """The formats of a feed, opened. Raises `BadInput` for a feed that does not exist."""
    return {name: form.open(settings) for name, form in known(feed).items()}


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
