"""What the console is handed by who starts it. It may import neither pipelines nor commands, and needs a little of both.

Everything is optional: without it the page says which command does the same.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from connectors.feeds import Format
from oneservice.live.surroundings import Around, Reading

# The formats of a feed, opened: what judges a mended record before it is sent.
Formats = Callable[[str], Mapping[str, Format]]
# Everything that F decides at some identifiers; or how far the evidence has been read, to be asked again.
Reasons = Callable[[Sequence[str]], Around | Reading]


class Segments(Protocol):
    """What `zhongtai segments` does. Each method raises `NotReady` or `BadInput`, in words for people."""

    def overview(self) -> list[dict[str, Any]]:
        """`segment`, `version`, `title` (zh, en), and `built`: the manifest of the last build, or None."""

    def build(self, name: str) -> None: ...

    def export(self, name: str, form: str, file: str, role: str, reveal: str) -> tuple[bytes, dict[str, Any]]:
        """The file and its manifest; it is in the segment's ledger when this returns. `reveal` "" holds member ids alone."""


class Tools(NamedTuple):
    formats: Formats | None = None
    reasons: Reasons | None = None
    segments: Segments | None = None
