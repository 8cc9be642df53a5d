"""The disk under SQLite changes a whole process, so it is tried in a process of its own. No broker is needed."""

import sqlite3
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


# The one who ends last moves the log into the database and deletes it: the other one is not done.
TWO = """
import sqlite3, sys
from pathlib import Path
from tests.chaos.edge import disk

home = Path(sys.argv[1])
disk.install(home, lambda step: None)
db = sqlite3.connect(home / "outbox-1.sqlite", isolation_level=None)
db.execute("PRAGMA journal_mode = WAL")
db.execute("PRAGMA synchronous = FULL")
db.execute("CREATE TABLE IF NOT EXISTS receipt (number INTEGER)")
db.execute("INSERT INTO receipt VALUES (1)")
db.execute("PRAGMA wal_checkpoint")
if len(sys.argv) < 3:
    import subprocess
    subprocess.run([sys.executable, "-c", sys.orig_argv[2], str(home), "the other"], check=True)
    db.execute("INSERT INTO receipt VALUES (1)")
    assert (home / "outbox-1.sqlite-wal").exists()
    disk.os.kill(disk.os.getpid(), 9)
db.close()
"""


def test_what_two_processes_wrote_is_there_when_one_has_ended(tmp_path: Path) -> None:
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'edge'}", "PATH": "/usr/bin:/bin"}
    ended = subprocess.run([sys.executable, "-c", TWO, str(tmp_path)], env=environment, check=False)
    assert ended.returncode == -9
    with sqlite3.connect(tmp_path / "outbox-1.sqlite") as db:
        assert db.execute("SELECT count(*) FROM receipt").fetchone() == (3,)
    db.close()


def test_files_lie_where_the_outbox_is_and_nowhere_else(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    elsewhere.mkdir()
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'edge'}", "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-c", SCRIPT, str(home)]
    subprocess.run(command, cwd=elsewhere, env=environment, check=True)
    assert list(elsewhere.iterdir()) == []
    assert {p.name for p in (home / SHADOW).iterdir()} == {f"outbox-{n}.sqlite" for n in range(3)}
