"""The page docs/tables.md, from the descriptions that stand beside the models. `make docs` writes it."""

from onedata.catalogue import Table, catalogue_markdown
from pipelines.warehouse.models import models


def page() -> str:
    """The text that docs/tables.md must have."""
    tables: dict[str, dict[str, Table]] = {}
    for model in models():
        tables.setdefault(model.layer, {})[model.name] = model.described
    return catalogue_markdown(tables, {model.name: model.grain for model in models()})
