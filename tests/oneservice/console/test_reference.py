"""The page that explains the API, in a browser: it is whole without any other host."""

from urllib.parse import urlsplit

from playwright.sync_api import Browser

from tests.oneservice.console.look import WIDTHS, listened
from tests.oneservice.console.test_browser import PICTURES, Site, browser, site, visit

__all__ = ["browser", "site"]


def test_the_api_is_explained_and_tried_without_another_host(browser: Browser, site: Site) -> None:
    with visit(browser, site) as context:
        page = context.new_page()
        said = listened(page)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        answer = page.goto(site.at + "/docs")
        assert answer is not None
        assert "unsafe" not in answer.headers["content-security-policy"]
        page.get_by_text("{location}").first.wait_for()
        page.click("#operations-service-healthz_healthz_get .opblock-summary-control")
        page.click("text=Try it out")
        page.click("button.execute")
        page.wait_for_selector(".live-responses-table .response-col_status:has-text('200')")
        page.screenshot(path=PICTURES / "docs.png")
        assert "/healthz" in {urlsplit(url).path for url in asked}
        assert {urlsplit(url).netloc for url in asked if not url.startswith("data:")} == {urlsplit(site.at).netloc}
        assert said == []


def test_the_explained_api_fits_a_phone(browser: Browser, site: Site) -> None:
    with visit(browser, site, width="phone") as context:
        page = context.new_page()
        page.goto(site.at + "/docs")
        page.get_by_text("{location}").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= WIDTHS["phone"][0]
