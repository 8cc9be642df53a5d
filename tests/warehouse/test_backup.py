"""What was backed up comes back to the byte; what was erased does not come back at all."""

import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from deltalake import DeltaTable
from typer.testing import CliRunner

from cli.main import app
from connectors.clock import SystemClock
from connectors.keystore import Keystore
from connectors.settings import Settings
from contracts.errors import BadInput, Corrupt
from pipelines import backup as work
from pipelines.warehouse import load
from pipelines.warehouse.store import in_home
from tests.forks import Forks
from tests.warehouse.synthetic import TENANT, Tape, quiet, receipts, records

A, B, C = ("phone:" + letter * 32 for letter in "abc")


@pytest.fixture(scope="module")
def killed() -> Iterator[Forks]:
    """Backups and restores that die at a step, each in a process of its own."""
    with Forks("tests.warehouse.killed_backup") as forks:
        yield forks


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a lake of two commits, reference files, keys, and things that can be made again. For copies only."""
    home = tmp_path_factory.mktemp("made") / "home"
    load.load(in_home(home), Tape(records(receipts(30), [])), TENANT, SystemClock(), quiet, quiet, quiet)
    for name, text in {
        "reference/products-1.jsonl": "{}\n",
        "reference/roles.yml": "roles: {}\n",
        "marts/LAST": "7\n",
        "marts/CURRENT": "marts_7.duckdb\n",
        "marts/marts_7.duckdb": "can be made again",
        "worker/0.json": "{}",
    }.items():
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_text(text)
    keyed(home, lambda store: store.data_keys([A, B]))
    return home


@pytest.fixture
def home(tmp_path: Path, made: Path) -> Path:
    return shutil.copytree(made, tmp_path / "home")


def keyed(home: Path, what: object) -> object:
    store = Keystore(home, SystemClock())
    try:
        return what(store)  # type: ignore[operator]
    finally:
        store.close()


def backed_up(home: Path, folder: Path, keys: Path) -> work.Manifest:
    return work.backup(Settings(home=home), folder, keys, SystemClock(), quiet)


def restored(home: Path, folder: Path, keys: Path, erased: tuple[str, ...] = ()) -> work.Restored:
    return work.restore(Settings(home=home), folder, keys, erased, SystemClock(), quiet)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_what_cannot_be_made_again_comes_back_to_the_byte(home: Path, tmp_path: Path) -> None:
    folder, keys, new = tmp_path / "monday", tmp_path / "vault", tmp_path / "new"
    manifest = backed_up(home, folder, keys)
    ends = {str(p): end for p, (_, end) in Tape(records(receipts(30), [])).log("event.receipt").spans.items()}
    assert manifest.lake["event.receipt"].offsets == ends
    assert manifest.published_version == 7
    restored(new, folder, keys)
    old, now = contents(home), contents(new)
    kept = {name for name in old if name.startswith(("lake/", "reference/"))} | {"marts/LAST"}
    assert {name: old[name] for name in kept} == {n: c for n, c in now.items() if not n.startswith("keys/")}
    assert DeltaTable(new / "lake" / "event.receipt").to_pyarrow_table().num_rows == 30
    assert keyed(new, lambda s: s.data_keys([A, B])) == keyed(home, lambda s: s.data_keys([A, B]))


def test_keys_stand_apart_and_only_their_owner_reads_them(home: Path, tmp_path: Path) -> None:
    folder, keys = tmp_path / "monday", tmp_path / "vault"
    backed_up(home, folder, keys)
    secret = keyed(home, lambda s: s.data_keys([A]))[A]  # type: ignore[index]
    assert not any(secret in content for content in contents(folder).values())
    assert any(secret in content for content in contents(keys).values())
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    assert stat.S_IMODE((keys / work.KEYS).stat().st_mode) == 0o600


def test_a_key_that_was_destroyed_before_the_next_backup_is_gone_from_the_vault(home: Path, tmp_path: Path) -> None:
    keys = tmp_path / "vault"
    backed_up(home, tmp_path / "monday", keys)
    secret = keyed(home, lambda s: s.data_keys([A]))[A]  # type: ignore[index]
    keyed(home, lambda s: s.destroy([A]))
    backed_up(home, tmp_path / "tuesday", keys)
    assert not any(secret in content for content in contents(keys).values())
    assert restored(tmp_path / "new", tmp_path / "monday", keys).destroyed == 0
    assert keyed(tmp_path / "new", lambda s: s.data_keys([A])) == {A: None}


@pytest.mark.parametrize("told_by", ["its own manifest", "a later backup beside it", "a list"])
def test_a_destroyed_key_does_not_come_back_with_an_old_copy_of_the_keys(
    home: Path, tmp_path: Path, told_by: str
) -> None:
    keys, old = tmp_path / "vault", tmp_path / "old vault"
    backed_up(home, tmp_path / "monday", keys)
    shutil.copytree(keys, old)
    secret = keyed(home, lambda s: s.data_keys([A]))[A]  # type: ignore[index]
    keyed(home, lambda s: s.destroy([A, C]))
    if told_by != "a list":
        backed_up(home, tmp_path / "tuesday", keys)
    folder = tmp_path / ("tuesday" if told_by == "its own manifest" else "monday")
    done = restored(tmp_path / "new", folder, old, (A, C) if told_by == "a list" else ())
    assert done.destroyed == 1, "C had no key, and is marked all the same"
    assert keyed(tmp_path / "new", lambda s: s.data_keys([A, C])) == {A: None, C: None}
    assert keyed(tmp_path / "new", lambda s: s.data_keys([B])) == keyed(home, lambda s: s.data_keys([B]))
    assert not any(secret in content for content in contents(tmp_path / "new").values())


def test_what_another_tenant_destroyed_is_not_taken_over(home: Path, tmp_path: Path) -> None:
    backed_up(home, tmp_path / "monday", tmp_path / "vault")
    other = work.read_manifest(tmp_path / "monday")
    (tmp_path / "theirs").mkdir()
    named = msgspec.structs.replace(other, tenant="other", destroyed=[A])
    (tmp_path / "theirs" / work.MANIFEST).write_bytes(msgspec.json.encode(named))
    assert restored(tmp_path / "new", tmp_path / "monday", tmp_path / "vault").destroyed == 0


def test_a_counter_of_versions_that_was_cut_off_stops_no_backup(home: Path, tmp_path: Path) -> None:
    (home / work.NUMBER).write_text("")
    assert backed_up(home, tmp_path / "monday", tmp_path / "vault").published_version == 0


@pytest.mark.parametrize("step", work.BACKUP_STEPS)
def test_a_backup_that_is_killed_is_not_there_or_whole(home: Path, tmp_path: Path, killed: Forks, step: str) -> None:
    folder, keys = tmp_path / "monday", tmp_path / "vault"
    assert killed.run("backup", home, folder, keys, step) == -9
    assert folder.exists() == (step == "backup.renamed")
    if not folder.exists():
        backed_up(home, folder, keys)
    restored(tmp_path / "new", folder, keys)
    assert DeltaTable(tmp_path / "new" / "lake" / "event.receipt").to_pyarrow_table().num_rows == 30
    assert sorted(p.name for p in tmp_path.iterdir()) == ["home", "monday", "new", "vault"]


@pytest.mark.parametrize("step", work.RESTORE_STEPS)
def test_a_restore_that_is_killed_leaves_no_home_or_a_whole_one(
    home: Path, tmp_path: Path, killed: Forks, step: str
) -> None:
    folder, keys, new = tmp_path / "monday", tmp_path / "vault", tmp_path / "new"
    keyed(home, lambda s: s.destroy([A]))
    backed_up(home, folder, keys)
    assert killed.run("restore", new, folder, keys, step) == -9
    assert new.exists() == (step == "restore.renamed")
    if not new.exists():
        restored(new, folder, keys)
    assert keyed(new, lambda s: s.find([A])) == {A: None}
    assert DeltaTable(new / "lake" / "event.receipt").to_pyarrow_table().num_rows == 30
    assert sorted(p.name for p in tmp_path.iterdir()) == ["home", "monday", "new", "vault"]


def damage(folder: Path, how: str) -> None:
    victim = next(p for p in sorted(folder.rglob("*.parquet")))
    content = victim.read_bytes()
    if how == "a byte":
        victim.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    elif how == "cut off":
        victim.write_bytes(content[: len(content) // 2])
    elif how == "gone":
        victim.unlink()
    elif how == "manifest":
        (folder / work.MANIFEST).write_bytes((folder / work.MANIFEST).read_bytes()[:-20])
    elif how == "outside":
        manifest = work.read_manifest(folder)
        files = {
            f"../{folder.name}/{name}" if "LAST" in name else f"../../{name}": f for name, f in manifest.files.items()
        }
        (folder / work.MANIFEST).write_bytes(msgspec.json.encode(msgspec.structs.replace(manifest, files=files)))


@pytest.mark.parametrize("how", ["a byte", "cut off", "gone", "manifest", "outside"])
def test_a_damaged_backup_is_refused_and_makes_no_home(home: Path, tmp_path: Path, how: str) -> None:
    backed_up(home, tmp_path / "monday", tmp_path / "vault")
    damage(tmp_path / "monday", how)
    with pytest.raises(Corrupt) as error:
        restored(tmp_path / "new", tmp_path / "monday", tmp_path / "vault")
    assert error.value.do
    assert not (tmp_path / "new").exists()


def test_a_damaged_key_store_is_told_and_makes_no_home(home: Path, tmp_path: Path) -> None:
    backed_up(home, tmp_path / "monday", tmp_path / "vault")
    (tmp_path / "vault" / work.KEYS).write_bytes(b"not a database" * 1000)
    with pytest.raises(Corrupt, match="key store"):
        restored(tmp_path / "new", tmp_path / "monday", tmp_path / "vault")
    assert not (tmp_path / "new").exists()


def test_a_home_that_holds_anything_is_left_alone(home: Path, tmp_path: Path) -> None:
    backed_up(home, tmp_path / "monday", tmp_path / "vault")
    before = contents(home)
    with pytest.raises(BadInput, match="not empty"):
        restored(home, tmp_path / "monday", tmp_path / "vault")
    assert contents(home) == before
    (tmp_path / "new").mkdir()
    restored(tmp_path / "new", tmp_path / "monday", tmp_path / "vault")


@pytest.mark.parametrize(
    ("folder", "keys", "words"),
    [
        ("home/backup", "vault", "lies in"),
        ("monday", "home/keys2", "lies in"),
        ("monday", "monday/keys", "lies in"),
        ("vault/monday", "vault", "lies in"),
        ("monday", "monday", "lies in"),
        ("full", "vault", "not empty"),
    ],
)
def test_folders_that_do_not_do_are_refused(home: Path, tmp_path: Path, folder: str, keys: str, words: str) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").touch()
    before = contents(tmp_path)
    with pytest.raises(BadInput, match=words):
        backed_up(home, tmp_path / folder, tmp_path / keys)
    assert contents(tmp_path) == before


def test_an_empty_home_and_a_folder_that_is_no_backup_are_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nothing that could not be made again"):
        backed_up(tmp_path / "empty", tmp_path / "monday", tmp_path / "vault")
    with pytest.raises(BadInput, match="not a backup"):
        restored(tmp_path / "new", tmp_path / "nowhere", tmp_path / "vault")


def test_a_busy_key_store_is_copied_at_one_moment(home: Path, tmp_path: Path) -> None:
    busy = sqlite3.connect(home / "keys" / "keystore.sqlite")
    busy.execute("BEGIN")
    busy.execute("DELETE FROM data_keys")
    backed_up(home, tmp_path / "monday", tmp_path / "vault")
    busy.rollback()
    busy.close()
    restored(tmp_path / "new", tmp_path / "monday", tmp_path / "vault")
    assert keyed(tmp_path / "new", lambda s: s.find([A, B])) == keyed(home, lambda s: s.find([A, B]))


def test_the_commands_say_what_they_did(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHONGTAI_HOME", str(home))
    written = CliRunner().invoke(app, ["backup", str(tmp_path / "monday")])
    assert written.exit_code == 0, written.output
    assert '"event.receipt": 1' in written.stdout.splitlines()[-1]
    assert (tmp_path / "monday.keys" / work.KEYS).exists()
    (tmp_path / "erased").write_text(f"{A}\n\n{C}\n")
    monkeypatch.setenv("ZHONGTAI_HOME", str(tmp_path / "new"))
    back = CliRunner().invoke(app, ["restore", str(tmp_path / "monday"), "--erased", str(tmp_path / "erased")])
    assert back.exit_code == 0, back.output
    assert back.stdout.splitlines()[-1].endswith('"keys": true, "destroyed": 1}')
    assert "destroyed again" in back.stderr
    monkeypatch.setenv("ZHONGTAI_HOME", str(tmp_path / "newer"))
    with pytest.raises(BadInput, match="holds no keystore"):
        CliRunner().invoke(app, ["restore", str(tmp_path / "monday"), "--keys", os.devnull], catch_exceptions=False)
