"""What a role may not see is not in its file: not in a table, a statistic, a dictionary or a stray byte."""

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import duckdb
import msgspec
import pytest
from ruamel.yaml import YAML

from connectors import published
from connectors.settings import Settings
from contracts.errors import BadInput
from contracts.receipts import Receipt
from onedata.roles import Roles, role_sql, roles
from pipelines.warehouse import roles as role_files
from pipelines.warehouse.run import run
from tests.warehouse.synthetic import Tape, anew, dead_letters, quiet, receipts, records, tabled, unjudged

# The first eight bytes of each are its own: DuckDB keeps that much of the least and the greatest text of a segment.
CLERK, SHOP, TOKEN, BYE = b"~~CLERK~planted", b"~~SHOP~~planted", b"~~NID~~~planted", b"~~NOTE~~planted"

MANAGER = """
secret: [nid]
roles:
  manager:
    title: {zh: 店长, en: Manager}
    tables: [dwd_trade_receipt, dwd_trade_receipt_line, dwd_stock_movement, dws_trade_store_1d, ads_stock_level]
    rows: {columns: [store, location], values: [S1]}
    masked: [clerk]
  clerkless:
    title: {zh: 分析, en: Analyst}
    layers: [dwd, dws]
    masked: [clerk]
  everything:
    title: {zh: 全部, en: All}
    layers: [dim, dwd, dws, ads, meta]
"""


def bytes_of(file: Path) -> bytes:
    return file.read_bytes()


def planted(count: int) -> list[Receipt]:
    """Receipts of which those of shop S2 are of a planted shop; every second one has a planted clerk."""
    given = receipts(count)
    for n, receipt in enumerate(given):
        changed = {"clerk": CLERK.decode() + str(n % 7) if n % 2 else "C1"}
        if receipt.store == "S2":
            changed["store"] = SHOP.decode()
        given[n] = msgspec.structs.replace(receipt, **changed)
    return given


def ran(home: Path, upto: int) -> None:
    """A run of so many receipts, and of nothing before them."""
    run(Settings(home=anew(home)), quiet, source=Tape(records(planted(upto), dead_letters(6))), check=unjudged)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("roles")
    (folder / "reference").mkdir()
    (folder / "reference" / "roles.yml").write_text(MANAGER, "utf-8")
    for upto in (200, 400):
        ran(folder, upto)
    return folder


def test_a_role_finds_its_own_rows_and_no_others(home: Path) -> None:
    con = published.connect(home, "manager")
    mine = [r for r in planted(400) if r.store == "S1"]
    assert con.execute("SELECT count(*) FROM dwd_trade_receipt").fetchone() == (len(mine),)
    assert con.execute("SELECT sum(amount_cents) FROM dwd_trade_receipt_line").fetchone() == (
        sum(r.total_cents for r in mine),
    )
    assert con.execute("SELECT DISTINCT location FROM ads_stock_level").fetchall() == [("S1",)]
    assert con.execute("SELECT DISTINCT clerk FROM dwd_trade_receipt").fetchall() == [("***",)]
    con.close()


def test_a_byte_scan_finds_nothing_planted_that_the_role_may_not_see(home: Path) -> None:
    folder = published.marts(home)
    for version in (1, 2):
        whole = bytes_of(folder / f"role_everything_{version}.duckdb")
        assert CLERK[:8] in whole, "the scan can find what is there"
        assert SHOP[:8] in whole
        manager = bytes_of(folder / f"role_manager_{version}.duckdb")
        assert CLERK[:8] not in manager
        assert SHOP[:8] not in manager
        clerkless = bytes_of(folder / f"role_clerkless_{version}.duckdb")
        assert CLERK[:8] not in clerkless
        assert SHOP[:8] in clerkless


def test_roles_and_marts_are_versions_together_and_the_last_three_stay(home: Path) -> None:
    for upto in (300, 350, 390):
        ran(home, upto)
    left = {file.name for file in published.marts(home).iterdir() if published.belongs_to(file)}
    names = ("marts", "role_manager", "role_clerkless", "role_everything")
    assert {n for n in left if n.endswith(".duckdb")} == {f"{name}_{v}.duckdb" for name in names for v in (3, 4, 5)}
    for role in ("", "manager", "clerkless", "everything"):
        con = published.connect(home, role)
        (count,) = con.execute("SELECT count(*) FROM dwd_trade_receipt").fetchone() or (0,)
        assert count == sum(r.store == "S1" or role != "manager" for r in planted(390))
        con.close()


@pytest.fixture(params=["auto", "uncompressed"])
def built(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Tables with many values to hide, on a connection whose memory has held all of them."""
    con = duckdb.connect(str(tmp_path / "building"))
    con.execute(f"SET force_compression = '{request.param}'")
    con.execute(f"""
        CREATE TABLE dwd_seen AS
        SELECT CASE n % 3 WHEN 0 THEN '{SHOP.decode()}' ELSE 'S' || n % 3 END AS store, n AS number,
            '{TOKEN.decode()}' || n AS nid, '{CLERK.decode()}' || n % 50 AS clerk,
            [{{'type': 'card', 'nid': '{TOKEN.decode()}' || n}}] AS identifiers,
            CASE n % 3 WHEN 0 THEN '{BYE.decode()}' || n ELSE 'fine ' || n % 90 END AS note
        FROM range(60000) AS t(n)
    """)
    con.execute("CHECKPOINT")
    con.execute("FROM dwd_seen").fetchall()
    yield con
    con.close()


def test_dictionaries_statistics_and_spare_bytes_hold_nothing_either(
    built: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    folder = tmp_path / "marts"
    folder.mkdir()
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "roles.yml").write_text(
        """
        secret: [nid]
        roles:
          shop:
            title: {zh: 店, en: Shop}
            layers: [dwd]
            rows: {columns: [store], values: [S1, S2]}
            hidden: [clerk]
          masked:
            title: {zh: 蒙, en: Masked}
            tables: [dwd_seen]
            masked: [clerk, note, store]
        """,
        "utf-8",
    )
    written = []
    for version in range(1, 5):
        with role_files.begun(built, folder, version) as writers:
            written += role_files.end(writers)
    assert not list(folder.glob("*.rows"))
    assert not [path for path in folder.iterdir() if path not in written]
    for file in written:
        content = bytes_of(file)
        found = [word for word in (CLERK, SHOP, TOKEN, BYE) if word[:8] in content]
        assert not found, f"{file.name} holds {found}"
        with duckdb.connect(str(file), read_only=True) as con:
            statistics = str(con.execute("SELECT stats FROM pragma_storage_info('dwd_seen')").fetchall())
            assert "~~" not in statistics
            columns = [row[0] for row in con.execute("DESCRIBE dwd_seen").fetchall()]
            assert "nid" not in columns
            assert "identifiers" not in columns, "a secret field within a column hides the column"
            (count,) = con.execute("SELECT count(*) FROM dwd_seen").fetchone() or (0,)
            assert count == (40000 if "shop" in file.name else 60000)


def test_deleting_rows_in_place_would_leave_their_bytes(built: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Why each file is written afresh."""
    copy = tmp_path / "copy"
    built.execute(f"ATTACH '{copy}' AS copy")
    built.execute("CREATE TABLE copy.seen AS SELECT store FROM dwd_seen ORDER BY number")
    built.execute("CHECKPOINT copy")
    built.execute(f"DELETE FROM copy.seen WHERE store = '{SHOP.decode()}'")
    built.execute("CHECKPOINT copy")
    built.execute("DETACH copy")
    assert SHOP[:8] in bytes_of(copy)


SHAPE = {
    "dwd_a": {"store": "VARCHAR", "clerk": "VARCHAR", "number": "BIGINT", "nid": "VARCHAR"},
    "dim_b": {"sku": "VARCHAR"},
    "meta_run": {"version": "BIGINT"},
}


def defined(**role: object) -> Roles:
    return roles({"secret": ["nid", "*_nid"], "roles": {"r": {"title": {"zh": "甲", "en": "A"}, **role}}})


def test_the_select_of_a_role_can_be_read() -> None:
    given = defined(layers=["dwd"], rows={"columns": ["store"], "values": ["O'Hare"]}, masked=["clerk", "dwd_a.number"])
    wanted = """SELECT "store", '***' AS "clerk", NULL::BIGINT AS "number" FROM dwd_a"""
    assert role_sql("r", given, SHAPE) == {"dwd_a": wanted + """ WHERE "store"::VARCHAR IN ('O''Hare')"""}


def test_a_secret_column_is_left_out_unless_the_role_sees_it() -> None:
    assert '"nid"' not in role_sql("r", defined(tables=["dwd_a"]), SHAPE)["dwd_a"]
    assert '"nid"' in role_sql("r", defined(tables=["dwd_a"], sees=["nid"]), SHAPE)["dwd_a"]


def test_no_values_means_no_rows() -> None:
    given = defined(tables=["dwd_a"], rows={"columns": ["store"], "values": []})
    assert role_sql("r", given, SHAPE)["dwd_a"].endswith(" WHERE false")


@pytest.mark.parametrize(
    ("role", "words"),
    [
        ({"tables": ["dwd_z"]}, "no published table dwd_z"),
        ({"layers": ["ods"]}, "no published layer ods"),
        ({"layers": ["dw"]}, "no published layer dw"),
        ({"tables": ["dwd_a"], "masked": ["clark"]}, "no column of|has a column clark"),
        ({"tables": ["dwd_a"], "hidden": ["dim_b.sku"]}, "has a column dim_b.sku"),
        ({"tables": ["dwd_a"], "sees": ["cipher"]}, "has a column cipher"),
        ({"layers": ["dim"], "rows": {"columns": ["store"], "values": ["S1"]}}, "cannot be told in dim_b"),
        ({"tables": ["dim_b"], "hidden": ["sku"]}, "no column of dim_b is left"),
        ({"tables": ["dwd_a"], "rows": {"columns": ["store"], "values": [], "whole": ["dim_z"]}}, "table dim_z"),
    ],
)
def test_a_definition_that_does_not_fit_is_refused(role: dict[str, object], words: str) -> None:
    with pytest.raises(BadInput, match=words) as error:
        role_sql("r", defined(**role), SHAPE)
    assert error.value.do


@pytest.mark.parametrize(
    "described",
    [
        None,
        {"secret": [], "roles": {"Big": {"title": {"zh": "甲", "en": "A"}}}},
        {"secret": [], "roles": {"../r": {"title": {"zh": "甲", "en": "A"}}}},
        {"secret": [], "roles": {"r": {"title": {"zh": "", "en": "A"}}}},
        {"secret": [], "roles": {"r": {"title": {"zh": "甲", "en": "A"}, "maskd": ["clerk"]}}},
        {"secret": [], "roles": {f"r{n}": {"title": {"zh": "甲", "en": "A"}} for n in range(9)}},
    ],
)
def test_a_definition_that_is_misspelt_or_too_much_is_refused(described: object) -> None:
    with pytest.raises(BadInput, match="not defined well"):
        roles(described)


def test_a_definition_that_does_not_fit_publishes_nothing(tmp_path: Path) -> None:
    (tmp_path / "reference").mkdir()
    own = tmp_path / "reference" / "roles.yml"
    own.write_text(MANAGER.replace("masked: [clerk]", "masked: [clark]"), "utf-8")
    source = Tape(records(receipts(50), []))
    tabled(tmp_path)
    with pytest.raises(BadInput, match="clark"):
        run(Settings(home=tmp_path), quiet, source=source, check=unjudged)
    assert published.current(tmp_path) is None
    own.write_text("roles: [", "utf-8")
    with pytest.raises(BadInput, match="not YAML"):
        run(Settings(home=tmp_path), quiet, source=source, check=unjudged)
    own.write_text(MANAGER, "utf-8")
    assert run(Settings(home=tmp_path), quiet, source=source, check=unjudged).published
    own.write_text(MANAGER.replace("[S1]", "[S0]"), "utf-8")
    again = run(Settings(home=tmp_path), quiet, source=source, check=unjudged)
    assert again.published, "other roles are something to publish"


def test_the_roles_of_the_release_fit_its_tables(tmp_path: Path) -> None:
    source = Tape(records(planted(60), dead_letters(3)))
    run(Settings(home=tabled(tmp_path)), quiet, source=source, check=unjudged)
    names = YAML(typ="safe").load((files("models") / "roles.yml").read_text("utf-8"))["roles"]
    found = published.roles(published.current(tmp_path) or Path())
    assert set(found) == set(names)
    for name in ("analyst", "marketer", "finance", "store_manager"):
        assert CLERK[:8] not in bytes_of(found[name]), name


@pytest.mark.parametrize("role", ["nobody", "../marts", "manager_1", "man*", ""])
def test_asking_as_an_unknown_role_lists_those_that_exist(home: Path, role: str) -> None:
    if not role:
        published.connect(home, role).close()
        return
    with pytest.raises(BadInput) as error:
        published.connect(home, role)
    assert re.search("clerkless, everything, manager", error.value.do)
