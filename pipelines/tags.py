"""What the jobs of tags share: the definition, as it stands in a file, and how inputs go out."""

from importlib.resources import files
from pathlib import Path

from centers.tags.life_cycle import Definition, definition
from connectors.settings import Settings
from contracts.errors import BadInput
from contracts.evidence import shard
from contracts.keys import key
from contracts.tags import TagInput
from contracts.wire import headers
from pipelines.batch import Output

OWN = Path("reference") / "life_cycle.yml"


def life_cycle(settings: Settings) -> Definition:
    """The definition of this installation: `reference/life_cycle.yml` of the home, or else the release's. Raises `BadInput`."""
    from ruamel.yaml import YAML  # 0.1 s that only those need who define
    from ruamel.yaml.error import YAMLError

    own = settings.home / OWN
    text = own.read_text("utf-8") if own.exists() else (files("centers.tags") / "life_cycle.yml").read_text("utf-8")
    try:
        return definition(YAML(typ="safe").load(text), str(own))
    except YAMLError:
        raise BadInput(f"{own} is not YAML.", "Mend it; docs/segments.md shows one.") from None


def output(one: TagInput) -> Output:
    about = headers(TagInput, one.id, "/tags/inputs", one.at)
    return Output("event.tag_input", key(one.tenant, one.id), shard(one.tenant), one, about)
