"""What is known of every member, as it stands in its topics; and the definitions of segments."""

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from centers.segments.definition import NAME, Definition, Facts, definition
from connectors.settings import Settings
from contracts.errors import BadInput
from contracts.members import Profile
from contracts.tags import Tag
from oneid.profiles import ZERO, total
from pipelines.members.directory import Directory
from pipelines.newest import Topics

OWN = Path("reference") / "segments"


class Members:
    """One reading of the map, of profiles and of tags. They are read one after the other, so each follows its own pace."""

    def __init__(self, settings: Settings) -> None:
        self._topics = Topics(settings)
        self.directory = Directory(settings)

    @cached_property
    def profiles(self) -> dict[str, Profile]:
        """By nid."""
        return {one.nid: one for one in self._topics.newest("state.profile", Profile)}

    @cached_property
    def tags(self) -> dict[str, dict[str, str]]:
        """Member → tag → value."""
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for one in self._topics.newest("state.tag", Tag):
            found[one.member_id][one.tag] = one.value
        return dict(found)

    @cached_property
    def tags_known_at(self) -> str:
        """When the newest tag was known; "" without any."""
        return max((one.known_at for one in self._topics.newest("state.tag", Tag)), default="")

    @property
    def map_version(self) -> int:
        return max((one.version for one in self.directory.entries.values()), default=0)

    def nids(self, member: str) -> list[str]:
        """Whose identifiers are a member's now; none for who is no member any more."""
        return [entry.nid for entry in self.directory.members.get(member, ())]

    def parts(self, nids: list[str]) -> list[Profile]:
        return [self.profiles[nid] for nid in nids if nid in self.profiles]

    def each(self) -> Iterator[tuple[str, list[str], Facts]]:
        """Every member by id: identifiers, and what is known."""
        for member in sorted(self.directory.members):
            nids = self.nids(member)
            parts = self.parts(nids)
            sums = total(part.sums for part in parts) if parts else ZERO
            yield member, nids, Facts(self.tags.get(member, {}), sums)


def definitions(settings: Settings) -> dict[str, Traversable | Path]:
    """Name → file of every segment that is defined: the home's own, and the release's."""
    released: dict[str, Traversable | Path] = {
        file.name.removesuffix(".yml"): file
        for file in (files("centers.segments")).iterdir()
        if file.name.endswith(".yml")
    }
    own = {file.stem: file for file in sorted((settings.home / OWN).glob("*.yml"))}
    return dict(sorted((released | own).items()))


def find(settings: Settings, name: str) -> Definition:
    """A definition by its name. Raises `BadInput` when there is none, or it is not one."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    known = definitions(settings)
    if name not in known or not NAME.fullmatch(name):
        raise BadInput(
            "There is no segment of that name.", f"Segments: {', '.join(known)}. Your own: {settings.home / OWN}"
        )
    try:
        found = definition(YAML(typ="safe").load(known[name].read_text("utf-8")), f"{name}.yml")
    except YAMLError:
        raise BadInput(f"{name}.yml is not YAML.", "docs/segments.md shows a definition.") from None
    if found.segment != name:
        raise BadInput(f"{name}.yml defines {found.segment}.", "Name the file after the segment.")
    return found
