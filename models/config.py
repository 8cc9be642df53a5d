"""The SQLMesh project of an installation: `sqlmesh --paths $(python -c "import models; print(models.__path__[0])") …`.

In a checkout the `config.py` at the root is the same one, and `sqlmesh` works in that folder as it is. The warehouse is the
one of ZHONGTAI_HOME.
"""

from connectors.settings import load
from pipelines.warehouse import build, project, store

config = project.config(build.folder_of(load().home), store=store.of(load()))
