"""`python -m pipelines.warehouse.tables_doc` writes docs/tables.md from the models."""

from pathlib import Path

from onedata.catalogue import Table, catalogue_markdown
from pipelines.warehouse.models import models

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"


def page() -> str:
    """The text that docs/tables.md must have."""
    tables: dict[str, dict[str, Table]] = {}
    for model in models():
        tables.setdefault(model.layer, {})[model.name] = model.described
    return catalogue_markdown(tables, {model.name: model.grain for model in models()})


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
