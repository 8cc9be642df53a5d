"""The SQLMesh project: `sqlmesh test`, `sqlmesh lineage`, `sqlmesh ui` and the like work in this folder.

The models are under models/, their unit tests are tests/**/test_*.yaml, and the warehouse is the one of ZHONGTAI_HOME. The
rows are moved by `zhongtai run`, which must not be under way: docs/warehouse.md.
"""

from models.config import config

__all__ = ["config"]
