"""`zhongtai serve` and `zhongtai token`, as people run them."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.installation import Installation

DEFAULT = "http://127.0.0.1:8100"


@contextmanager
def serving(installation: Installation) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    command = [sys.executable, "-m", "cli.main", "serve", "--address", "127.0.0.1:0"]
    process = subprocess.Popen(command, env=installation.environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        told = next(line for line in process.stdout if line.startswith('{"service"'))
        yield process, json.loads(told)["service"]
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def served(published_home: Path) -> Iterator[tuple[Installation, str]]:
    """One service for all who ask here, and its address. Told to stop, it ends well."""
    installation = Installation(published_home)
    with serving(installation) as (process, url):
        yield installation, url
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_a_token_opens_the_service_until_it_is_revoked(served: tuple[Installation, str]) -> None:
    installation, url = served
    made = installation.zhongtai("token", "add", "ann", "--role", "manager", "--lasts", "2h").last
    asked = {"headers": {"Authorization": f"Bearer {made['token']}"}, "timeout": 30}
    health = httpx.get(f"{url}/healthz", timeout=30).json()
    assert health["marts"]["version"] == 1
    # Kafka was never started in this home: what needs no Kafka is answered, and the rest says what to do.
    assert "zhongtai up" in health["said"][0]
    assert httpx.get(f"{url}/v1/metrics/sales", **asked).json()["rows"]
    assert httpx.post(f"{url}/v1/sql", json={"query": "SELECT 7"}, **asked).json()["rows"] == [[7]]
    listed = installation.zhongtai("token", "list").out
    assert made["id"] in listed
    assert made["token"] not in listed
    installation.zhongtai("token", "revoke", made["id"])
    assert httpx.get(f"{url}/v1/tables", **asked).status_code == 401
    installation.zhongtai("token", "revoke", made["id"], expect=2)


@pytest.mark.parametrize(
    "arguments",
    [("add", "ann", "--role", "nobody"), ("add", "ann", "--role", "analyst", "--lasts", "soon"), ("revoke", "nothing")],
)
def test_a_mistake_ends_with_what_to_do(published_home: Path, arguments: tuple[str, ...]) -> None:
    said = Installation(published_home).zhongtai("token", *arguments, expect=2)
    assert "→" in said.err


def test_the_examples_of_the_page_work(served: tuple[Installation, str]) -> None:
    installation, url = served
    token = installation.zhongtai("token", "add", "reader", "--role", "analyst", "--lasts", "1h").last["token"]
    page = (Path(__file__).parents[2] / "docs" / "service.md").read_text("utf-8")
    (python,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (curls,) = re.findall(r"```\n(curl.*?)```", page, re.DOTALL)
    environment = installation.environment | {"TOKEN": token}
    done = subprocess.run(
        [sys.executable, "-c", python.replace(DEFAULT, url)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("门店小票实收合计")
    for command in re.split(r"\n(?=curl)", curls.strip().replace(DEFAULT, url)):
        answer = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=False)
        assert answer.stdout
        # What needs Kafka is not there in this home, and says so.
        assert "store" in answer.stdout or ("/v1/stock" in command and "not_ready" in answer.stdout)
