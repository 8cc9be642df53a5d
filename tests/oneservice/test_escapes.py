"""Nobody gets out of the process that runs people's SQL, by any of `escapes.WAYS`; and no bomb takes anything along.

Each way is tried twice: against the gate, which reads the statement, and without the gate against DuckDB's settings and
the kernel's limits, so that a statement which the gate should miss one day still finds nothing.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest

from contracts.errors import NotReady
from oneservice.answers import Format
from oneservice.sandbox import worker
from oneservice.sandbox.pool import Answer, Pool, Question, Share, told
from tests.oneservice.conftest import World
from tests.oneservice.escapes import BOMBS, WAYS

CANARY = "canary-7c1f"
SMALL = Share(memory_mib=128, beyond_mib=256, cpu_s=1, wall_s=3.0, max_bytes=4 << 20, at_once=2)


class Planted(NamedTuple):
    db: Path
    other: Path
    file: Path
    folder: Path
    listener: socket.socket

    def spelt(self, way: str) -> str:
        names = {"db": self.db, "other": self.other, "file": self.file, "folder": self.folder}
        names |= {"wal": f"{self.db}.wal", "port": self.listener.getsockname()[1]}
        for name, value in names.items():
            way = way.replace(f"{{{name}}}", str(value))
        return way

    def files(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}

    def connected(self) -> bool:
        self.listener.setblocking(False)
        try:
            self.listener.accept()
        except BlockingIOError:
            return False
        return True


@pytest.fixture(scope="module")
def planted(published_home: Path) -> Iterator[Planted]:
    # Not among pytest's folders, into which only their owner may go.
    with tempfile.TemporaryDirectory() as folder:
        yield from plant(published_home, Path(folder))


def plant(published_home: Path, folder: Path) -> Iterator[Planted]:
    role = next((published_home / "marts").glob("role_manager_*.duckdb"))
    marts = next((published_home / "marts").glob("marts_*.duckdb"))
    db, other, file = folder / role.name, folder / marts.name, folder / "secret.csv"
    shutil.copy(role, db)
    shutil.copy(marts, other)
    file.write_text(f"{CANARY}\n")
    # Open to all: the walls have to hold where the file system would not.
    for path in (folder, db, other, file):
        path.chmod(0o777)
    with duckdb.connect(str(other)) as con:
        con.execute(f"UPDATE ads_dead_letter SET code = '{CANARY}'")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield Planted(db, other, file, folder, listener)


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    made = Pool(SMALL)
    yield made
    made.close()


def asked(pool: Pool, planted: Planted, way: str, *, gate: bool) -> Answer:
    return pool.ask(Question(planted.db, planted.spelt(way), Format.json, 100, gate=gate))


@pytest.fixture(scope="module")
def gate(planted: Planted) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(planted.db), read_only=True, config=worker.CONFIG) as con:
        yield con


@pytest.mark.parametrize("way", WAYS)
def test_the_gate_lets_no_way_out_pass(gate: duckdb.DuckDBPyConnection, planted: Planted, way: str) -> None:
    try:
        refused = worker.refusal(gate, planted.spelt(way))
    except duckdb.Error:
        return  # not SQL at all, and told so
    # What is a SELECT of nothing but itself may pass: it is a question.
    assert refused is not None or way == "SELECT $1"


# As the worker does, but many statements in one process: a locked one stays locked.
PROBE = """
import json, sys
from oneservice.sandbox import worker
question, ways = json.load(sys.stdin)
worker.rehearse()
con = worker.locked(question)
for way, form in ways:
    head, body = worker.answered(con, question | {"sql": way, "format": form})
    print(json.dumps([way, head, body.decode("utf-8", "replace")]), flush=True)
    worker.answered(con, question | {"sql": "ROLLBACK", "gate": False})
"""


def probed(question: Question, ways: list[tuple[str, str]]) -> list[tuple[str, dict[str, Any], str]]:
    """Statement, head and body of each answer; fewer than asked when the process did not live through it."""
    asked = json.dumps([told(question, SMALL), ways])
    done = subprocess.run([sys.executable, "-c", PROBE], input=asked, capture_output=True, text=True, check=False)
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("landlock", [True, False], ids=["landlock", "an older kernel"])
def test_no_way_leads_anywhere_without_the_gate_either(planted: Planted, landlock: bool) -> None:
    before = planted.files()
    ways = [planted.spelt(way) for way in WAYS]
    question = Question(planted.db, "", Format.json, 100, gate=False, landlock=landlock)
    answers = probed(question, [(way, "json") for way in ways])
    assert [way for way, _, _ in answers] == ways
    assert planted.files() == before
    assert not planted.connected()
    for pattern, (way, head, body) in zip(WAYS, answers, strict=True):
        assert CANARY not in body + head.get("wrong", "").replace(way, ""), way
        assert "root:" not in body, way
        outside = any(hole in pattern for hole in ("{file}", "{other}", "{db}", "{port}", "/proc", "/etc"))
        assert not outside or head.get("rows", 0) == 0 or "MACRO" in way, (way, body)


@pytest.mark.parametrize("landlock", [True, False], ids=["landlock", "an older kernel"])
def test_the_two_holes_of_duckdb_s_own_lockdown_are_closed_by_the_kernel(
    pool: Pool, planted: Planted, landlock: bool
) -> None:
    # Both succeed on a read-only connection with external access disabled and the configuration locked.
    ways = (f"SELECT octet_length(content) FROM read_blob('{planted.db}')", f"COPY (SELECT 1) TO '{planted.db}.wal'")
    for way in ways:
        answer = pool.ask(Question(planted.db, way, Format.json, 10, gate=False, landlock=landlock))
        assert (answer.status, "Too many open files" in answer.wrong) == ("sql_error", True)
    assert not Path(f"{planted.db}.wal").exists()


def test_where_the_kernel_has_landlock_not_even_a_name_can_be_touched(tmp_path: Path) -> None:
    script = """
import os, socket, sys
from oneservice.sandbox import lockdown
if not lockdown.alone(): sys.exit("none")
for touch in (os.unlink, lambda p: os.listdir(os.path.dirname(p)), lambda p: os.mkdir(p + "3"), open,
              lambda p: socket.create_connection(("127.0.0.1", 9))):
    try:
        touch(sys.argv[1])
    except PermissionError:
        continue
    sys.exit("touched")
"""
    file = tmp_path / "file"
    file.write_text("here")
    done = subprocess.run([sys.executable, "-c", script, str(file)], capture_output=True, text=True, check=False)
    if done.stderr.strip() == "none":
        pytest.skip("this kernel has no Landlock")
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_more_than_may_wait_are_told_to_come_again(planted: Planted) -> None:
    pool = Pool(SMALL._replace(at_once=1, waiting=1))
    ways = ["SELECT count(*) FROM range(1000000000000)"] * 4
    with ThreadPoolExecutor(4) as four:
        answers = [four.submit(asked, pool, planted, way, gate=True) for way in ways]
    pool.close()
    refused = [one for one in answers if isinstance(one.exception(), NotReady)]
    assert len(refused) == 2


def test_those_two_holes_are_still_there_without_the_kernel(planted: Planted, tmp_path: Path) -> None:
    # If a release of DuckDB closes them this fails, and a wall more stands.
    db = tmp_path / planted.db.name
    shutil.copy(planted.db, db)
    with duckdb.connect(str(db), read_only=True, config=worker.CONFIG) as con:
        con.execute("SET lock_configuration = true")
        assert con.execute(f"SELECT octet_length(content) FROM read_blob('{db}')").fetchone() == (db.stat().st_size,)
        con.execute(f"COPY (SELECT 1) TO '{db}.wal'")
    assert Path(f"{db}.wal").exists()


def test_no_bomb_takes_the_service_along(pool: Pool, planted: Planted) -> None:
    with ThreadPoolExecutor(2) as two:
        answers = dict(zip(BOMBS, two.map(lambda way: asked(pool, planted, way, gate=True), BOMBS), strict=True))
    for bomb, answer in answers.items():
        assert answer.status != "ok" or len(answer.body) < SMALL.max_bytes, bomb[:80]
    ended = {answer.status for answer in answers.values()}
    assert {"too_much_memory", "too_much_time", "answer_too_large"} <= ended
    assert asked(pool, planted, "SELECT 1", gate=True).body == b"[[1]]"


def test_a_question_leaves_no_process_behind(pool: Pool, planted: Planted) -> None:
    import psutil

    asked(pool, planted, "SELECT 1", gate=True)
    asked(pool, planted, "SELECT count(*) FROM range(1000000000000)", gate=True)
    me = psutil.Process(os.getpid())
    workers = [child for child in me.children() if "oneservice.sandbox.worker" in " ".join(child.cmdline())]
    assert len(workers) <= SMALL.at_once  # those that stand ready


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELECT * FROM read_text('/etc/passwd')", "function_not_allowed"),
        ("SELECT 1; SELECT 2", "not_one_select"),
        ("SELECT nothing FROM dwd_trade_receipt", "sql_error"),
        ("SELECT * FROM ads_dead_letter", "no_such_table"),
        ("SELECT sum(length(repeat('x', 2000000000)))", "too_much_memory"),
    ],
)
def test_who_asks_is_told_what_to_do(world: World, query: str, code: str) -> None:
    answer = world.ask("/v1/sql", "manager", "POST", json={"query": query})
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["detail"]


QUESTIONS = (
    "SHOW TABLES",
    "DESCRIBE dws_trade_store_1d",
    "SUMMARIZE dwd_trade_receipt",
    "FROM dwd_trade_receipt LIMIT 3",
    "VALUES (1, 'a')",
    "SELECT store, sum(sales_cents) FROM dws_trade_store_1d GROUP BY ALL ORDER BY 2 DESC;",
    "WITH a AS (SELECT * FROM dwd_trade_receipt), b AS (SELECT store, count(*) n FROM a GROUP BY 1) SELECT * FROM b",
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 5) SELECT * FROM n -- five",
    "SELECT *, row_number() OVER (PARTITION BY store ORDER BY sold_at) FROM main.dwd_trade_receipt QUALIFY 1 = 1",
    "SELECT unnest(range(3)), strftime(DATE '2026-11-22', '%Y')",
    "SELECT s.store FROM dws_trade_store_1d s JOIN dwd_trade_receipt r USING (store) WHERE r.kind IN (SELECT 'sale')",
    "SELECT table_name FROM information_schema.tables",
    "SELECT list_transform([1, 2], lambda x: x + 1), {'a': 1}, MAP {'k': 1.5}, uuid(), 1::HUGEINT, INTERVAL 1 DAY",
    "PIVOT dwd_trade_receipt ON kind IN ('sale', 'return') USING count(*) GROUP BY store",
    "SELECT 'infinity'::DOUBLE, 'nan'::DOUBLE, NULL, TIMESTAMPTZ '2026-11-22 10:00:00+08'",
)


@pytest.mark.parametrize("form", list(Format))
def test_what_only_asks_is_answered_in_every_form(pool: Pool, planted: Planted, form: Format) -> None:
    answers = probed(Question(planted.db, "", form, 1000), [(query, form.value) for query in QUESTIONS])
    assert len(answers) == len(QUESTIONS)
    for query, head, _ in answers:
        assert head["status"] == "ok", (query, head)
        assert head["rows"] > 0, query
    assert pool.ask(Question(planted.db, QUESTIONS[0], form, 1000)).rows == answers[0][1]["rows"]
