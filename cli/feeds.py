"""Every feed and the formats of its files: the one place where reading them and judging what they say meet.

A feed's first format is its default. Formats are opened when they are asked for: opening one reads reference files.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from connectors.feeds import Format
from connectors.settings import Settings
from contracts.errors import BadInput


class Registered(NamedTuple):
    """How a format is opened, and which files of a folder are written in it."""

    open: Callable[[Settings], Format]
    suffixes: tuple[str, ...] = (".jsonl",)


def _receipts_jsonl(settings: Settings) -> Format:
    from cli.judging import receipts_jsonl

    return receipts_jsonl(settings)


def _poslog(settings: Settings) -> Format:
    from cli.judging import poslog

    return poslog(settings)


def _shopify(settings: Settings) -> Format:
    from cli.web_formats import shopify_lines

    return shopify_lines(settings)


def _segment(settings: Settings) -> Format:
    from cli.web_formats import segment_lines

    return segment_lines(settings)


def _epcis(settings: Settings) -> Format:
    from cli.wms_formats import epcis_documents

    return epcis_documents(settings)


def _debezium(settings: Settings) -> Format:
    from cli.erp_formats import changes

    return changes(settings)


def _csv(settings: Settings) -> Format:
    from cli.erp_formats import drops

    return drops(settings)


FORMATS: dict[str, dict[str, Registered]] = {
    "pos": {"receipts-jsonl": Registered(_receipts_jsonl), "poslog": Registered(_poslog, (".xml",))},
    "ecommerce": {"shopify": Registered(_shopify), "segment": Registered(_segment)},
    "wms": {"epcis": Registered(_epcis, (".jsonld", ".json", ".ndjson"))},
    "erp": {"debezium": Registered(_debezium), "csv": Registered(_csv, (".json",))},
}


def known(feed: str) -> Mapping[str, Registered]:
    """The formats of a feed. Raises `BadInput` for a feed that does not exist."""
    if feed not in FORMATS:
        raise BadInput(f"There is no feed {feed}.", f"Feeds: {', '.join(FORMATS)}.")
    return FORMATS[feed]


def find(feed: str, name: str | None = None) -> Registered:
    """A format of a feed, by default its first. Raises `BadInput` for one that does not exist."""
    formats = known(feed)
    name = name or next(iter(formats))
    if name not in formats:
        raise BadInput(f"Feed {feed} has no format {name}.", f"Formats: {', '.join(formats)}.")
    return formats[name]
