"""The examples of deploy/ say what Compose, systemd and our own command line understand. No container is started."""

import json
import shlex
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest
import typer
from ruamel.yaml import YAML

from cli.main import app
from connectors.settings import load

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
COMPOSE = YAML(typ="safe").load((DEPLOY / "compose.yaml").read_text("utf-8"))


def understood(words: list[str]) -> None:
    """Parses a command line of ours without running it. Raises what a person would be told."""
    command, context = typer.main.get_command(app), None
    while hasattr(command, "commands"):
        name, *words = words
        context = command.make_context(name, [name, *words], parent=context, resilient_parsing=True)
        command = command.commands[name]
    command.make_context(command.name, list(words), parent=context)


def test_the_compose_file_follows_the_specification() -> None:
    schema = json.loads((Path(__file__).parent / "compose-spec.json").read_text("utf-8"))
    jsonschema.validators.validator_for(schema)(schema).validate(COMPOSE)


@pytest.mark.parametrize("service", sorted(COMPOSE["services"]))
def test_every_service_of_the_compose_file_runs_a_command_that_exists(service: str) -> None:
    understood(COMPOSE["services"][service]["command"])


def test_the_compose_file_names_files_that_exist() -> None:
    build = COMPOSE["x-zhongtai"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).is_file()
    assert (DEPLOY / (COMPOSE["x-zhongtai"]["env_file"] + ".example")).is_file()


def test_the_settings_of_the_example_can_be_used() -> None:
    lines = (DEPLOY / "zhongtai.env.example").read_text("utf-8").splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert load(given).replication == 3


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.suffix == ".service"], ids=lambda unit: unit.name)
def test_every_unit_runs_commands_that_exist(unit: Path) -> None:
    lines = [line.partition("=") for line in unit.read_text("utf-8").splitlines() if line.startswith("Exec")]
    for _, _, command in lines:
        program, *words = shlex.split(command.replace("%i", "0"))
        assert Path(program).name == "zhongtai"
        understood(words)
    assert lines


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed here")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    zhongtai = tmp_path / "zhongtai"
    zhongtai.write_text("#!/bin/sh\n")
    zhongtai.chmod(0o755)
    for unit in UNITS:
        text = unit.read_text("utf-8").replace("/usr/local/bin/zhongtai", str(zhongtai))
        (tmp_path / unit.name.replace("@.", "@0.")).write_text(text)
    names = [str(path) for path in tmp_path.iterdir() if path.suffix]
    done = subprocess.run(["systemd-analyze", "verify", *names], capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if "zhongtai" in line]
    assert (done.returncode, ours) == (0, [])
