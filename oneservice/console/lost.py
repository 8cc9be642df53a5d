"""Addresses under /console where there is no page."""

from fastapi import Response

from oneservice.console.page import Viewing, router
from oneservice.problems import Problem

pages = router()


@pages.get("/{rest:path}")
def lost(view: Viewing) -> Response:
    """Whoever is signed in reads that there is no such page."""
    return view.wrong(Problem(404, "no_page", "", ""))
