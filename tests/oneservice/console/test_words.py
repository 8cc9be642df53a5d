"""Every word that a page says is in the catalogue, in both languages, and the right one is chosen."""

import re
from pathlib import Path

import pytest

from oneservice.console import page, words

CONSOLE = Path(page.__file__).parent
SAID = re.compile(r"""\bt\(\s*'([\w.-]+)'(?!\s*~)|\b(?:word|rendered)\(\s*"([\w.-]+\.[\w.-]+)\"""")
PLACES = re.compile(r"{(\w+)}")


def test_every_word_is_there_in_both_languages_with_the_same_places() -> None:
    for key, said in words.catalogue().items():
        assert set(said) == {"zh", "en"}, key
        assert set(PLACES.findall(said["zh"])) == set(PLACES.findall(said["en"])), key


def test_every_word_that_a_template_asks_for_exists() -> None:
    asked = {
        (path.name, first or second)
        for path in [*CONSOLE.glob("templates/*.html"), *CONSOLE.rglob("*.py")]
        for first, second in SAID.findall(path.read_text("utf-8"))
        if not (first or second).endswith(".html")
    }
    assert len(asked) > 150
    assert {(file, key) for file, key in asked if not words.has(key)} == set()


def test_every_page_of_the_menu_has_a_name() -> None:
    assert all(words.has(f"menu.{name}") for name in page.MENU)


def test_every_word_of_the_catalogue_is_used() -> None:
    text = "\n".join(path.read_text("utf-8") for path in [*CONSOLE.glob("templates/*.html"), *CONSOLE.rglob("*.py")])
    made = tuple(f"{name}." for name in ("menu", "problem", "feed", "stage", "letters"))
    unused = [
        key
        for key in words.catalogue()
        if not key.startswith(made) and f"'{key}'" not in text and f'"{key}"' not in text
    ]
    assert unused == []


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("de-DE,de;q=0.9,zh-TW;q=0.5,en;q=0.3", "zh"),
        ("de", "en"),
        ("", "en"),
        ("zh;q=nonsense,en;q=0.1", "en"),
    ],
)
def test_the_browsers_first_language_that_we_have_is_chosen(accepted: str, chosen: str) -> None:
    assert words.preferred(accepted) == chosen
