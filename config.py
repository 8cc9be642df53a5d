"""The SQLMesh project: `sqlmesh test`, `sqlmesh lineage`, `sqlmesh ui` and the like work in this folder.

The models are under models/, their unit tests are tests/**/test_*.yaml, and the warehouse is the one of ZHONGTAI_HOME. The
rows are moved by `zhongtai run`, which must not be under way: docs/warehouse.md.
"""

from connectors.settings import load
from pipelines.warehouse import build, project

config = project.config(build.folder_of(load().home))
