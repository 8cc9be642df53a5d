"""The formats of the feed `erp`, composed with the job's own opinion of a record."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from centers.masters.accept import accept
from connectors.erp import debezium, drop, rows
from connectors.feeds import Format, Piece, Verdict, lines
from connectors.reference import load_products_if_any
from connectors.settings import Settings
from contracts.keys import record_id
from contracts.masters import DropEnd, Row
from contracts.products import Products
from contracts.receipts import Origin
from contracts.refusals import Refused

_NOWHERE = Origin("", -1, -1)


def changes(settings: Settings, products: Products | None = None) -> Format:
    """The format `debezium`. Raises `BadInput` for a product file that cannot be used."""
    return Format(
        feed=rows.FEED, name=debezium.FORMAT, pieces=_changes, judge=_Judge(settings, debezium.FORMAT, products)
    )


def drops(settings: Settings, products: Products | None = None) -> Format:
    """The format `csv`. Raises `BadInput` for a product file that cannot be used."""
    return Format(feed=rows.FEED, name=drop.FORMAT, pieces=_drop, judge=_Judge(settings, drop.FORMAT, products))


def _changes(file: BinaryIO, path: Path) -> Iterator[Piece]:
    """One change a line. A tombstone (`null`), which follows a delete, says nothing more and is passed over."""
    return (piece for piece in lines(file, path) if piece.value.strip() != b"null")


def _drop(file: BinaryIO, path: Path) -> Iterator[Piece]:
    return drop.pieces(file, path, rows.RAW.partitions)


class _Judge:
    def __init__(self, settings: Settings, form: str, products: Products | None) -> None:
        self._tenant = settings.tenant
        self._form = form
        self._products = products or load_products_if_any(settings)

    def __call__(self, piece: Piece) -> Verdict:
        decoded = rows.decode(self._form, piece.value)
        by = rows.partitioning_key(self._tenant, piece.value, decoded)
        if isinstance(decoded, Refused):
            return Verdict(by, decoded)
        if isinstance(decoded, DropEnd):
            id = record_id(self._tenant, "erp", "end", decoded.table, *decoded.position.version, by.decode())
            return Verdict(by, None, id, decoded.position.at, UUID(id).bytes, counts=False)
        return self._row(by, decoded)

    def _row(self, by: bytes, row: Row) -> Verdict:
        if not row.deleted:
            within = rows.within(self._form, row)
            record = accept(
                self._tenant, row, self._products, change="upsert", known_at="", origin=_NOWHERE, within=within
            )
            if isinstance(record, Refused):
                return Verdict(by, record)
        position = row.position
        id = record_id(self._tenant, "erp", row.table, *row.key, position.source, *position.version)
        return Verdict(by, None, id, position.at, UUID(id).bytes)
