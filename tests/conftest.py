"""Fixtures that several folders share.

`kafka_broker` is one real broker for the whole run, in a home of its own and on free ports, with the topics applied.
Tests share its topics: whoever writes takes a `tenant`, which leads every key, and reads back only its own.
"""

import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors import broker, topics
from connectors.settings import Settings

# Stops the broker when our end of the pipe closes: at the end of the session, and also when pytest is killed.
KEEPER = """
import shutil, sys
from pathlib import Path
from connectors import broker
sys.stdin.read()
broker.stop(Path(sys.argv[1]))
shutil.rmtree(sys.argv[1], ignore_errors=True)
"""


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[Settings]:
    """Settings of a running broker with the table's topics; its home is empty but for Kafka's own folder."""
    home = Path(tempfile.mkdtemp(prefix="zhongtai-test-"))
    keeper = subprocess.Popen([sys.executable, "-c", KEEPER, str(home)], stdin=subprocess.PIPE, start_new_session=True)
    try:
        settings = Settings(home=home, kafka=broker.start(home).address)
        topics.apply(settings)
        yield settings
    finally:
        keeper.communicate(timeout=60)


@pytest.fixture
def tenant() -> str:
    """A tenant that nobody used before."""
    return f"t-{secrets.token_hex(6)}"
