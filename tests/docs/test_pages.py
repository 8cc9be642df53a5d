"""The documentation is part of the product: what exists is described, and what is described exists."""

import re
from pathlib import Path

import pytest
import typer

from cli.docs import DOCS, pages
from cli.main import app

COMMANDS = (DOCS / "cli.md").read_text("utf-8")
ROOT = DOCS.parent


def commands() -> list[str]:
    found = []
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        found += [f"{name} {sub}" for sub in getattr(command, "commands", {})] or [name]
    return found


@pytest.mark.parametrize("name", sorted(pages()))
def test_every_generated_page_is_up_to_date(name):
    assert (DOCS / name).read_text("utf-8") == pages()[name], "write it again: make docs"


@pytest.mark.parametrize("command", commands())
def test_every_command_has_a_heading_in_cli_md(command):
    assert re.search(rf"^#+ `zhongtai {command}", COMMANDS, re.MULTILINE)


def test_cli_md_describes_no_command_that_does_not_exist():
    described = re.findall(r"^### `zhongtai ([a-z]+(?: [a-z]+)?)", COMMANDS, re.MULTILINE)
    assert sorted(set(described)) == sorted(commands())


@pytest.mark.parametrize("target", re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
def test_every_make_target_is_in_contributing_md(target):
    assert f"make {target}" in (ROOT / "CONTRIBUTING.md").read_text("utf-8")


@pytest.mark.parametrize(
    "page", sorted(p for p in ROOT.glob("*.md")) + sorted(DOCS.rglob("*.md")), ids=lambda p: p.name
)
def test_every_relative_link_leads_somewhere(page: Path):
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        assert (page.parent / link).exists(), link
