"""The published marts, opened for a page."""

from collections.abc import Iterator
from contextlib import contextmanager

from oneservice.console.page import Marts, View
from oneservice.service import counted


@contextmanager
def marts(view: View) -> Iterator[Marts]:
    """The publication as the role of who asks sees it, for the length of the block. Raises `NotReady` when there is none."""
    service = view.service
    with service.publications.opened(view.caller.role) as (con, version, as_of):
        yield Marts(con, version, service.age(as_of))


def seen(view: View, rows: int) -> None:
    """For the audit log: how many rows a page shows."""
    counted(view.request, rows)
