"""The disk under SQLite changes a whole process, so it is tried in a process of its own. No broker is needed."""

import subprocess
import sys
from pathlib import Path

from tests.chaos.edge.disk import SHADOW

ROOT = Path(__file__).parents[3]
# Collected memory in between: a name that SQLite keeps must not point to what Python has let go of.
SCRIPT = """
import gc, os, sqlite3, sys
from pathlib import Path
from tests.chaos.edge import disk

home = Path(sys.argv[1])
disk.install(home, lambda step: None)
for n in range(30):
    path = home / f"outbox-{n % 3}.sqlite"
    writer = sqlite3.connect(path)
    writer.execute("PRAGMA journal_mode = WAL")
    churn = [os.urandom(20 + n) for n in range(500)]
    del churn
    gc.collect()
    writer.execute("CREATE TABLE IF NOT EXISTS receipt (number INTEGER)")
    writer.execute("INSERT INTO receipt VALUES (1)")
    writer.commit()
    reader = sqlite3.connect(path)
    reader.execute("SELECT count(*) FROM receipt").fetchone()
    reader.close()
    writer.close()
"""


def test_files_lie_where_the_outbox_is_and_nowhere_else(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    elsewhere.mkdir()
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'edge'}", "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-c", SCRIPT, str(home)]
    subprocess.run(command, cwd=elsewhere, env=environment, check=True)
    assert list(elsewhere.iterdir()) == []
    assert {p.name for p in (home / SHADOW).iterdir()} == {f"outbox-{n}.sqlite" for n in range(3)}
