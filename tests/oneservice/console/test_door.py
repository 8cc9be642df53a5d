"""Who comes in, and with what the browser is left."""

from datetime import timedelta

import pytest

from oneservice.console import link
from oneservice.console.page import HOME, MENU, address
from oneservice.service import COOKIE, Service
from tests.oneservice.console.visitor import Visitor


def test_who_is_not_signed_in_comes_to_the_door_and_then_to_where_they_wanted(service: Service) -> None:
    guest = Visitor(service, "")
    sent = guest.get("/sales")
    assert (sent.status_code, sent.headers["location"]) == (303, "/console/sign-in?next=/console/sales")
    token = service.tokens.add("guest", "owner", timedelta(hours=1))[0]
    came = guest.post("/sign-in", token=f" {token} ", next="/console/sales")
    assert (came.status_code, came.headers["location"]) == (303, "/console/sales")
    cookie = came.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}={token}")
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()


def test_a_part_of_a_page_sends_the_browser_to_the_door(service: Service) -> None:
    sent = Visitor(service, "").get("/overview/flow", **{"hx-request": "true"})
    assert (sent.status_code, sent.headers["hx-redirect"]) == (401, "/console/sign-in")


def test_a_wrong_token_opens_nothing(service: Service) -> None:
    answer = Visitor(service, "").post("/sign-in", token="zt_000000000000_" + "a" * 43)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_the_link_opens_once(service: Service) -> None:
    guest = Visitor(service, "")
    path = link(guest.app).removeprefix(HOME)
    first = guest.get(path)
    assert first.status_code == 200
    assert "HttpOnly" in first.headers["set-cookie"]
    token = first.headers["set-cookie"].partition("=")[2].partition(";")[0]
    guest.cookies = {COOKIE: token}
    assert guest.get("").status_code == 200
    again = guest.get(path)
    assert again.status_code == 403
    assert "set-cookie" not in again.headers


@pytest.mark.parametrize(
    "next", ["https://elsewhere.example", "//elsewhere.example", "/docs", "/console\\@x", "/consoles"]
)
def test_the_door_leads_to_our_own_pages_only(service: Service, next: str) -> None:
    guest = Visitor(service, "")
    token = service.tokens.add("guest", "owner", timedelta(hours=1))[0]
    assert guest.post("/sign-in", token=token, next=next).headers["location"] == "/console"


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/language", "/sql", "/letters/pos/dead1/reveal"])
@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", ""])
def test_a_form_of_another_site_is_refused(service: Service, path: str, origin: str) -> None:
    answer = Visitor(service).post(path, origin=origin, token="x", to="zh", query="SELECT 1")
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_revoked_token_closes_the_door_at_once(service: Service) -> None:
    somebody = Visitor(service)
    assert somebody.get("/members").status_code == 200
    service.tokens.revoke(somebody.token.split("_")[1])
    assert somebody.get("/members").status_code == 303


def test_the_language_is_that_of_the_switch_then_that_of_the_browser(service: Service) -> None:
    somebody = Visitor(service)
    assert 'lang="zh-CN"' in somebody.get("/members", **{"accept-language": "zh-CN"}).text
    cookie = somebody.post("/language", to="en", next="/console/members").headers["set-cookie"]
    somebody.cookies |= {"zhongtai_language": cookie.partition("=")[2].partition(";")[0]}
    assert 'lang="en"' in somebody.get("/members", **{"accept-language": "zh-CN"}).text


@pytest.mark.parametrize("page", MENU)
def test_every_page_forbids_scripts_and_styles_that_are_not_files_of_ours(service: Service, page: str) -> None:
    answer = Visitor(service).get(address(page).removeprefix(HOME))
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert "https://" not in answer.text
