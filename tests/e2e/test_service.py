"""The service beside a real worker on a real broker: a sale is seen within seconds, and a worker that stops is not hidden."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.receipts import receipt_id
from tests.installation import Installation, running
from tests.oneservice.test_commands import serving
from tests.pos_examples import line, receipt

WAIT_S = 90
PHONE = "13800138000"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    home = tmp_path_factory.mktemp("service") / "home"
    (home / "reference").mkdir(parents=True)
    shutil.copy(Path(__file__).parents[1] / "corner_shop" / "products-1.jsonl", home / "reference")
    with running(home) as installation:
        yield installation


class Asking:
    """Asks about one product, as the owner."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str, **params: Any) -> httpx.Response:
        return httpx.get(f"{self._url}{path}", params=params, headers=self._headers, timeout=30)

    def until(self, path: str, holds: Callable[[httpx.Response], bool], **params: Any) -> httpx.Response:
        end = time.monotonic() + WAIT_S
        while not holds(answer := self.get(path, **params)):
            assert time.monotonic() < end, answer.text
            time.sleep(0.2)
        return answer

    def find(self, phone: str) -> Any:
        """The member who has it; waits until the jobs have heard of it."""
        body, end = {"type": "phone", "value": phone}, time.monotonic() + WAIT_S
        while True:
            answer = httpx.post(f"{self._url}/v1/members/find", json=body, headers=self._headers, timeout=30)
            if answer.status_code == 200 and answer.json()["profile"]["stores"]:
                return answer.json()
            assert time.monotonic() < end, answer.text
            time.sleep(0.2)


def sell(shop: Installation, folder: Path, number: int, quantity: int) -> None:
    shown = [{"type": "phone", "value": PHONE}]
    sold = receipt(number=number, lines=[line(str(quantity))], identifiers=shown)
    file = folder / f"{number}.jsonl"
    file.write_text(json.dumps(sold) + "\n")
    shop.zhongtai("ingest", "pos", file)


def everything_is_fresh(ask: Asking) -> None:
    """Of every state topic it is shown up to when it is whole: its road is that of the jobs that run."""
    told = ask.until("/healthz", lambda answer: all(one["age_seconds"] is not None for one in answer.json()["live"]))
    assert len(told.json()["live"]) == 5
    ask.until("/healthz", lambda answer: all(one["age_seconds"] < 10 for one in answer.json()["live"]))


def bought_by_a_member(ask: Asking) -> None:
    found = ask.find(PHONE)
    assert found["profile"]["stores"] == {"S001": 1}
    assert [one["type"] for one in found["identifiers"]] == ["phone"]
    assert ask.get(f"/v1/members/{found['member_id']}").json()["profile"] == found["profile"]
    order = ask.get(f"/v1/orders/{receipt_id('demo', 'S001', '1', '2026-11-22', 1)}").json()
    assert (order["state"], order["total_cents"], order["identified"]) == ("completed", 400, True)


@pytest.mark.kafka
def test_a_sale_is_seen_and_a_stopped_worker_is_told(shop: Installation, tmp_path: Path) -> None:
    token = shop.zhongtai("token", "add", "me", "--role", "owner").last["token"]
    with serving(shop) as (_, url):
        ask = Asking(url, token)
        sell(shop, tmp_path, 1, 3)
        path = "/v1/stock/WATER"
        ask.until(path, lambda answer: answer.status_code == 200 and answer.json()["on_hand"] == -3)
        # Everything runs: fresh to within seconds, though nothing moves any more.
        ask.until(path, lambda answer: answer.status_code == 200, max_age_seconds=5)
        everything_is_fresh(ask)
        bought_by_a_member(ask)
        worker = shop.pid("worker")
        os.kill(worker, signal.SIGSTOP)
        try:
            stale = ask.until(path, lambda answer: answer.status_code == 409, max_age_seconds=5).json()
            assert (stale["code"], stale["age_seconds"] > 5) == ("too_old", True)
            told = ask.until(path, lambda answer: "does not run" in answer.json()["said"]).json()
            assert (told["on_hand"], told["age_seconds"] > 5) == (-3, True)
            health = ask.get("/healthz").json()
            assert any("does not run" in said for said in health["said"])
        finally:
            os.kill(worker, signal.SIGCONT)
        sell(shop, tmp_path, 2, 2)
        ask.until(path, lambda answer: answer.status_code == 200 and answer.json()["on_hand"] == -5, max_age_seconds=5)
