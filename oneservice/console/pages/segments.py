"""Segments: who is in one, who is left out and why, and the file for who sends the messages."""

from fastapi import Response

from oneservice.console.page import Viewing, router

pages = router()


@pages.get("/segments")
def segments(view: Viewing) -> Response:
    return view.page("segments.html", segments=None)
