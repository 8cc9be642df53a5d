"""What a worker says, as a log store reads it."""

import io
import json
import logging
import logging.config

import pytest

from connectors import logs
from connectors.settings import load
from contracts.errors import BadInput


def said(form: str, *args: object, **kwargs: object) -> str:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    wanted = logs.config(form, slot="a")["formatters"]["lines"]
    handler.setFormatter(wanted.pop("()")(**wanted) if "()" in wanted else logging.Formatter(wanted["format"]))
    logger = logging.Logger("pipelines.batch", logging.INFO)
    logger.addHandler(handler)
    logger.info(*args, **kwargs)
    return out.getvalue()


def test_a_json_line_holds_the_moment_the_words_and_the_fields():
    line = json.loads(said("json", "%(job)s: %(n)d live", {"job": "库存", "n": 4}, extra={"job": "库存", "n": 4}))
    assert line.pop("at").endswith("Z")
    wanted = {"level": "info", "logger": "pipelines.batch", "message": "库存: 4 live"}
    assert line == wanted | {"slot": "a", "job": "库存", "n": 4}


def test_an_error_stays_on_its_line():
    try:
        raise ValueError("a\nb")
    except ValueError:
        text = said("json", "it failed", exc_info=True)
    assert text.count("\n") == 1
    assert "ValueError" in json.loads(text)["error"]


def test_text_is_for_people():
    assert said("text", "4 live").endswith("INFO pipelines.batch: 4 live\n")


def test_another_form_is_refused():
    with pytest.raises(BadInput, match="neither text nor json"):
        load({"ZHONGTAI_LOGS": "xml"})


def test_the_configuration_is_one_that_logging_takes():
    before = logging.root.handlers[:]
    try:
        logging.config.dictConfig(logs.config("json", slot="a"))
        assert isinstance(logging.root.handlers[0].formatter, logs.JsonLines)
    finally:
        logging.root.handlers[:] = before
