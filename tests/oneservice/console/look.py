"""Pages as a browser sees them: what they complain of, whether they fit, and how long nothing stands there.

    python -m tests.oneservice.console.look LINK

looks at every page of a console that somebody else serves (`zhongtai serve` and `make demo` print the link), in both languages
and widths. Exit status 1 when something is wrong. The last line: {"console": "sound", "looks": n, "worst_paint_ms": x, "wrong": {}}
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from oneservice.console.page import MENU, address
from oneservice.console.words import COOKIE as LANGUAGE
from tests.oneservice.console import chromium

WIDTHS = {"desk": (1366, 900), "phone": (390, 844)}
LANGUAGES = {"zh": "zh-CN", "en": "en"}
# What comes after the page has come, every chart is drawn, and the browser has shown something.
SETTLED = """
    performance.getEntriesByName("first-contentful-paint").length
    && [...document.querySelectorAll("[hx-trigger=load]")].every((one) => one.querySelector(".card"))
    && [...document.querySelectorAll(".chart")].every((one) => one.querySelector("canvas"))
"""
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
MOST_PAINT_MS = 1_000  # on the demo, on a machine that does nothing else


class Looked(NamedTuple):
    """`wrong`: what the browser and axe complain of. `paint_ms`: from the request to the first thing to see."""

    wrong: list[str]
    paint_ms: float


@contextmanager
def browsing() -> Iterator[Browser | None]:
    """Chromium; None where there is none."""
    found = chromium.found()
    if found is None:
        yield None
        return
    with sync_playwright() as playwright:
        # Without a sandbox of its own, because CI runs as root; it sees nothing but our own pages.
        started = playwright.chromium.launch(
            executable_path=found.path, args=["--no-sandbox"], env=found.environment or None
        )
        yield started
        started.close()


def listened(page: Page) -> list[str]:
    """Errors and warnings that the page's console will say."""
    said: list[str] = []
    page.on("console", lambda one: said.append(one.text) if one.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


def serious(page: Page) -> list[str]:
    """What axe finds wrong for people who cannot see, or not well; "moderate" is little less than serious, so it counts."""
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] != "minor"]


def look(page: Page, said: list[str], url: str, *, missing: bool = False) -> Looked:
    """Goes there and waits until everything is drawn. Of a `missing` page the browser itself says that it answers 404."""
    said.clear()
    page.goto(url)
    # Playwright's own waiting evaluates text inside the page, which the pages' policy forbids.
    for _ in range(600):
        if page.evaluate(SETTLED):
            break
        page.wait_for_timeout(50)
    else:
        return Looked(["it never settled"], float("inf"))
    beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    heard = [] if missing else list(said)
    wrong = [*heard, *serious(page), *([f"{beyond} px too wide"] if beyond else [])]
    return Looked(wrong, page.evaluate(PAINT))


def main(link: str) -> int:
    at = "{0.scheme}://{0.netloc}".format(urlsplit(link))
    wrong: dict[str, list[str]] = {}
    paints: dict[str, float] = {}
    with browsing() as browser:
        if browser is None:
            sys.exit(chromium.WHY)
        # The link opens once: its cookie goes on to the other windows.
        context = browser.new_context()
        context.new_page().goto(link)
        signed = context.cookies()
        for width, (wide, high) in WIDTHS.items():
            for language in LANGUAGES:
                context = browser.new_context(viewport={"width": wide, "height": high})
                context.add_cookies([*signed, {"name": LANGUAGE, "value": language, "url": at}])  # type: ignore[list-item]
                page = context.new_page()
                said = listened(page)
                for name in MENU:
                    seen = look(page, said, at + address(name))
                    paints[f"{name}-{width}-{language}"] = round(seen.paint_ms)
                    if seen.wrong:
                        wrong[f"{name}-{width}-{language}"] = seen.wrong
    worst = max(paints, key=paints.__getitem__)
    sys.stderr.write(json.dumps(paints, indent=1) + f"\nworst: {worst}\n")
    good = not wrong and paints[worst] < MOST_PAINT_MS
    line = {
        "console": "sound" if good else "wrong",
        "looks": len(paints),
        "worst_paint_ms": paints[worst],
        "wrong": wrong,
    }
    sys.stdout.write(json.dumps(line) + "\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
