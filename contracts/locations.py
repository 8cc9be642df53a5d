"""Locations as the jobs need them: which Global Location Numbers are ours, and what they are."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from contracts.gs1 import Identifier


class Location(msgspec.Struct, frozen=True, gc=False):
    """A place that holds stock. A GLN with an extension (`6901234000016.BACK`) names a part of it."""

    location: str
    kind: Literal["store", "warehouse"]
    glns: tuple[str, ...]
    name: str = ""


class Locations(msgspec.Struct, frozen=True):
    """One version of the location reference file."""

    version: int
    by_gln: Mapping[str, Location]

    def find(self, gln: Identifier) -> Location | None:
        """The location of a GLN: of the part that its extension names, or else of the whole."""
        whole = self.by_gln.get(gln.key)
        return self.by_gln.get(f"{gln.key}.{gln.extension}", whole) if gln.extension else whole

    def claims(self, gln: Identifier) -> bool:
        """Whether a GLN that is not in the file has the GS1 company prefix of one that is: then it should be in it."""
        return bool(gln.prefix) and any(known.startswith(gln.prefix) for known in self.by_gln)


NOWHERE = Locations(0, {})
