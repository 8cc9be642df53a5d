"""What the platform refuses of each format is what the twin's answers say, and nothing else. No broker is needed to ask."""

import shutil
from pathlib import Path

import pytest

from cli.feeds import find
from connectors import settings as settings_
from connectors.settings import Settings
from tests.twin.recount_all import answers

FORMATS = {
    ("pos", "receipts-jsonl"): ("poison", "pos"),
    ("ecommerce", "shopify"): ("shopify", "ecommerce/shopify"),
    ("ecommerce", "segment"): ("segment", "ecommerce/segment"),
    ("wms", "epcis"): ("epcis", "wms"),
    ("erp", "debezium"): ("debezium", "erp/debezium"),
}


@pytest.fixture(scope="module")
def settings(made, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(made[0] / "reference", home / "reference")
    return settings_.load({"ZHONGTAI_HOME": str(home)})


@pytest.mark.parametrize(("feed", "form"), list(FORMATS))
def test_every_line_is_taken_or_refused_as_the_answers_say(
    world: Path, settings: Settings, feed: str, form: str
) -> None:
    name, folder = FORMATS[feed, form]
    expected = answers(world, name)
    opened, registered = find(feed, form).open(settings), find(feed, form)
    refused, taken = {}, 0
    for path in sorted((world / "feeds" / folder).iterdir()):
        assert path.suffix in registered.suffixes
        with path.open("rb") as file:
            for piece in opened.pieces(file, path):
                verdict = opened.judge(piece)
                taken += verdict.refused is None
                if verdict.refused:
                    refused[path.name, piece.line] = verdict.refused.code
    # What Kafka does not take is found by the sender, before any format is asked.
    too_large = {place: code for place, code in expected.items() if code == "too_large"}
    assert refused | too_large == expected
    assert taken > 400


def test_broken_drops_are_refused_whole_and_the_others_taken_whole(world: Path, settings: Settings) -> None:
    opened = find("erp", "csv").open(settings)
    broken = {file: code for (file, _), code in answers(world, "csv").items()}
    for folder in sorted((world / "feeds" / "erp").glob("csv*/drop-*")):
        path = folder / "manifest.json"
        with path.open("rb") as file:
            verdicts = [opened.judge(piece) for piece in opened.pieces(file, path)]
        codes = [verdict.refused.code for verdict in verdicts if verdict.refused]
        assert codes == ([broken[folder.name]] if folder.name in broken else [])
        assert len(verdicts) == 1 or folder.name not in broken
