"""What the published tables are, in both languages: the descriptions beside the models, as the release brings them."""

from functools import cache
from importlib.resources import files

from onedata.catalogue import LAYERS, Table, table


@cache
def described() -> dict[str, Table]:
    """Every table that can be published, by name, in the order of the layers."""
    from ruamel.yaml import YAML  # 0.1 s, once

    found: dict[str, Table] = {}
    for layer in LAYERS:
        if layer == "ods":
            continue
        for file in sorted((files("models") / layer).iterdir(), key=lambda one: one.name):
            if file.name.endswith(".yml"):
                name = file.name.removesuffix(".yml")
                found[name] = table(name, YAML(typ="safe").load(file.read_text("utf-8")))
    return found
