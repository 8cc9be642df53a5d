"""What the console is handed by who starts it. It may import neither pipelines nor commands, and needs a little of both.

Everything is optional: without it the page says which command does the same.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from connectors.feeds import Format
from oneid.resolve import Resolution
from oneid.rules import Rules

# The formats of a feed, opened: what judges a mended record before it is sent.
Formats = Callable[[str], Mapping[str, Format]]
# Everything that F decides around some identifiers, and the rules in force.
Reasons = Callable[[Sequence[str]], tuple[Resolution, Rules]]


class Tools(NamedTuple):
    formats: Formats | None = None
    reasons: Reasons | None = None
