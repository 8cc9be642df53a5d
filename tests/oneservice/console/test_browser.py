"""Every page in a real browser: in both languages, as wide as a desk and as narrow as a phone.

One server and one browser for all. Pictures of every page: test-output/console/<page>-<width>-<language>.png
"""

import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext

from cli import listening
from oneservice.app import application
from oneservice.console import link
from oneservice.console.page import MENU, address
from oneservice.console.tools import Tools
from oneservice.console.words import COOKIE as LANGUAGE
from oneservice.service import COOKIE, Service
from tests.oneservice.console import chromium
from tests.oneservice.console.look import LANGUAGES, WIDTHS, browsing, listened, look, serious
from tests.oneservice.console.person import CROWDED, MEMBER, reasons
from tests.oneservice.console.test_pages import Drawn

PICTURES = Path(__file__).parents[3] / "test-output" / "console"
PAGES = {page: address(page) for page in MENU} | {
    "quality": "/console/runs/quality/1",
    "stock-live": "/console/stock?q=P1",
    "member": f"/console/members/{MEMBER}",
    "member-crowded": f"/console/members/{CROWDED}",
    "member-edges": f"/console/members/{CROWDED}/edges?page=2",
    "nowhere": "/console/nowhere",
}
# A page that needs longer is broken; what it takes is in test-output/console/paint-*.json.
MOST_PAINT_MS = 10_000


# Each reason of the graph, as people read it.
REASONS = {
    "en": [
        "names cannot be one",
        "too many people",
        "is blocked",
        "A steward ruled",
        "ana, 2026-11-20: two sisters",
        "joined",
    ],
    "zh": ["姓名不可能属于同一人", "关联的人过多", "已被屏蔽", "管理员已裁定", "ana, 2026-11-20: two sisters", "相连"],
}


class Site(NamedTuple):
    at: str
    app: Any
    token: str


@pytest.fixture(scope="module")
def site(service: Service) -> Iterator[Site]:
    app = application(service, Tools(reasons=reasons, segments=Drawn()))  # type: ignore[arg-type]
    bound = listening.bind("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    while not server.started:
        time.sleep(0.05)
    token, _ = service.tokens.add("browser", "owner", timedelta(hours=1))
    yield Site(f"http://127.0.0.1:{bound.getsockname()[1]}", app, token)
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as started:
        if started is None:
            pytest.skip(chromium.WHY)
        yield started


def visit(
    browser: Browser, site: Site, language: str = "en", width: str = "desk", dark: bool = False
) -> BrowserContext:
    """A window of somebody who is signed in; what its console says is in `said` of the pages."""
    wide, high = WIDTHS[width]
    context = browser.new_context(viewport={"width": wide, "height": high}, color_scheme="dark" if dark else "light")
    context.add_cookies(
        [
            {"name": COOKIE, "value": site.token, "url": site.at},
            {"name": LANGUAGE, "value": language, "url": site.at},
        ]
    )
    return context


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_sound(browser: Browser, site: Site, language: str, width: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with visit(browser, site, language, width, dark=(language, width) in {("zh", "desk"), ("en", "phone")}) as context:
        page = context.new_page()
        said = listened(page)
        wrong: dict[str, object] = {}
        paints: dict[str, float] = {}
        for name, path in PAGES.items():
            seen = look(page, said, site.at + path, missing=name == "nowhere")
            assert page.locator("html").get_attribute("lang") == LANGUAGES[language]
            paints[name] = seen.paint_ms
            if seen.wrong:
                wrong[name] = seen.wrong
            page.screenshot(path=PICTURES / f"{name}-{width}-{language}.png", full_page=True)
    (PICTURES / f"paint-{width}-{language}.json").write_text(json.dumps(paints, indent=1))
    assert wrong == {}
    assert max(paints.values()) < MOST_PAINT_MS


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("language", "words"), REASONS.items())
def test_every_reason_of_a_members_graph_can_be_read(
    browser: Browser, site: Site, language: str, width: str, words: list[str], dark: bool
) -> None:
    with visit(browser, site, language, width, dark) as context:
        page = context.new_page()
        said = listened(page)
        seen = look(page, said, f"{site.at}/console/members/{MEMBER}")
        table = page.locator("table.lines")
        table.scroll_into_view_if_needed()
        page.screenshot(path=PICTURES / f"graph-{width}-{language}-{'dark' if dark else 'light'}.png", full_page=True)
        told = table.inner_text()
        beyond = page.evaluate(
            "[...document.querySelectorAll('.scroll')].map((one) => one.scrollWidth - one.clientWidth)"
        )
    assert seen.wrong == []
    assert [word for word in words if word not in told] == []
    assert max(beyond) <= 0  # nobody has to push a table sideways to read why


def test_what_is_not_drawn_is_one_link_away(browser: Browser, site: Site) -> None:
    with visit(browser, site) as context:
        page = context.new_page()
        said = listened(page)
        look(page, said, f"{site.at}/console/members/{CROWDED}")
        assert "60 are drawn; 75 more are not." in page.inner_text("main")
        page.click("text=All of them in a table")
        page.wait_for_selector("table.lines")
        assert page.locator("table.lines tbody tr").count() == 100
        page.click("text=Refused")
        page.wait_for_selector("[aria-current]:has-text('Refused')")
        assert page.locator("table.lines tbody tr").count() == 40
        assert serious(page) == []
        assert said == []


def test_axe_would_find_something(browser: Browser, site: Site) -> None:
    with visit(browser, site) as context:
        page = context.new_page()
        page.goto(site.at + "/console/members")
        page.evaluate("document.querySelector('label[for=value]').remove()")
        assert any(found.startswith("label:") for found in serious(page))


def test_a_question_is_answered_without_leaving_the_page_and_kept(browser: Browser, site: Site) -> None:
    with visit(browser, site) as context:
        page = context.new_page()
        said = listened(page)
        page.goto(site.at + "/console/sql")
        page.fill("#query", "SELECT 6 * 7 AS answer")
        page.press("#query", "Control+Enter")
        page.wait_for_selector("#answer table")
        assert page.inner_text("#answer tbody td") == "42"
        assert "SELECT 6 * 7 AS answer" in page.inner_text("#history")
        with page.expect_download() as download:
            page.click("[data-download=csv]")
        assert Path(download.value.path()).read_text() == "answer\n42\n"
        page.fill("#query", "DROP TABLE x")
        page.click("#run")
        page.wait_for_selector("#answer .wrong")
        assert serious(page) == []
        assert said == []


def test_the_link_opens_the_console_and_the_switch_changes_the_language(browser: Browser, site: Site) -> None:
    with browser.new_context(locale="zh-CN") as context:
        page = context.new_page()
        said = listened(page)
        page.goto(site.at + link(site.app))
        page.wait_for_selector("h1")
        assert page.inner_text("h1") == "总览"
        page.click("text=English")
        page.wait_for_selector("h1:has-text('Overview')")
        page.click("text=Sign out")
        page.wait_for_selector("#token")
        page.goto(site.at + "/console/sales")
        assert page.url.endswith("/console/sign-in?next=/console/sales")
        assert serious(page) == []
        assert said == []


def test_the_flow_is_looked_at_again_by_itself(browser: Browser, site: Site) -> None:
    with visit(browser, site) as context:
        page = context.new_page()
        page.goto(site.at + "/console")
        with page.expect_response("**/console/overview/flow") as answer:
            pass
        assert answer.value.status == 200


def test_a_page_works_by_keyboard_alone(browser: Browser, site: Site) -> None:
    with visit(browser, site) as context:
        page = context.new_page()
        page.goto(site.at + "/console/members")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
