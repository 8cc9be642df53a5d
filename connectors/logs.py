"""What a worker says, a line each: text for people, or JSON for a log store (`ZHONGTAI_LOGS`)."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from contracts.instants import spelt

# What `logging` itself puts into a record; everything else came as `extra`, and is a field of the line.
_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
TEXT = "[%(asctime)s] %(levelname)s %(name)s: %(message)s"


class JsonLines(logging.Formatter):
    """at (RFC 3339, UTC), level, logger, message, and the fields given here or with the call as `extra`."""

    def __init__(self, **fields: str) -> None:
        super().__init__()
        self._fields = fields

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": spelt(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self._fields,
            **{name: value for name, value in vars(record).items() if name not in _USUAL},
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def config(form: str, **fields: str) -> dict[str, Any]:
    """The `logging.config` of a process that writes to standard error. `form` is "text" or "json"."""
    lines = {"()": JsonLines, **fields} if form == "json" else {"format": TEXT}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": lines},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"level": "INFO", "handlers": ["stderr"]},
    }
