"""What `zhongtai forecast` draws is what the marts hold."""

import json
import xml.etree.ElementTree as ET
from datetime import date, timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from cli import forecast_chart as chart
from cli.forecast import forecast
from contracts.errors import BadInput, NotReady
from tests.warehouse.test_forecast import TODAY, Log, asked, days_of, ran, sale, world

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("forecast-command")
    ran(made, Log(world()))
    return made


def told(home: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[str, dict[str, object]]:
    monkeypatch.setenv("ZHONGTAI_HOME", str(home))
    app = typer.Typer()
    app.command()(forecast)
    result = CliRunner().invoke(app, list(words))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout, json.loads(result.stdout.splitlines()[-1])


def test_a_shop_is_drawn_with_its_past_and_its_forecast(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text, last = told(home, monkeypatch, "--store", "daily")
    ((total, accuracy),) = asked(
        home,
        "SELECT sum(forecast_cents)::BIGINT, any_value(wape_permille) FROM ads_forecast_store_1d"
        " JOIN ads_forecast_accuracy USING (store) WHERE store = 'daily'",
    )
    assert (last["forecast_cents"], last["wape_permille"], last["days"]) == (total, accuracy, 14)
    assert last["origin_date"] == str(TODAY - timedelta(days=1))
    drawn = [line for line in text.splitlines() if line.startswith("2026-")]
    assert len(drawn) == 28 + 14
    assert drawn[0].endswith(f"{days_of(world(), 'daily', TODAY - timedelta(days=1))[-28] / 100:,.2f}")
    assert ("so far" in drawn[28], "so far" in drawn[29]) == (True, False)


def test_a_shop_is_drawn_as_svg(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told(home, monkeypatch, "--store", "holes", "--svg", str(tmp_path / "holes.svg"))
    picture = ET.parse(tmp_path / "holes.svg").getroot()
    sold, ahead = (line.attrib["points"].split() for line in picture.findall(f"{SVG}polyline"))
    band = picture.find(f"{SVG}polygon")
    assert band is not None
    assert (len(sold), len(ahead), len(band.attrib["points"].split())) == (28, 14, 28)


def test_the_picture_is_higher_where_more_was_sold() -> None:
    days = [chart.Day(date(2026, 11, n), n * 100) for n in range(1, 8)]
    days += [chart.Day(date(2026, 11, 8), None, 500, 200, 900)]
    picture = ET.fromstring(chart.svg("a <shop>", days))
    points = picture.findall(f"{SVG}polyline")[0].attrib["points"].split()
    heights = [float(point.split(",")[1]) for point in points]
    assert heights == sorted(heights, reverse=True)
    assert picture.findtext(f"{SVG}title") == "a <shop>"


def test_bars_reach_from_what_is_sold_to_what_is_forecast_to_its_upper_end() -> None:
    sold, ahead = chart.lines([chart.Day(date(2026, 11, 1), 1000), chart.Day(date(2026, 11, 2), 250, 500, 100, 750)])
    assert sold.count("█") == chart.BAR
    assert [ahead.count(c) for c in "█▒─"] == [chart.BAR // 4] * 3


def test_all_shops_stand_in_a_table(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(home, monkeypatch)[1] == {"shops": 2, "shown": 2}
    assert told(home, monkeypatch, "--shops", "1")[1] == {"shops": 2, "shown": 1}


def test_what_has_no_forecast_is_said(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no forecast of this shop"):
        told(home, monkeypatch, "--store", "young")
    with pytest.raises(BadInput, match="of one shop"):
        told(home, monkeypatch, "--svg", "x.svg")
    ran(tmp_path, Log([sale("young", TODAY, 1, 100)]))
    with pytest.raises(NotReady, match="two weeks"):
        told(tmp_path, monkeypatch)
