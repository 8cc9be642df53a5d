"""The line on a real broker: a centre that lacks a topic says so at once, and takes everything else."""

import time
from pathlib import Path

import pytest
import zhongtai_edge.line
from zhongtai_edge import Config
from zhongtai_edge.line import KafkaLine, NoTopic, Parcel

from connectors.settings import Settings

pytestmark = pytest.mark.kafka
SOON_S = 8.0  # a client that waits for a topic which is not there waits for ten


@pytest.fixture
def config(tmp_path: Path, kafka_broker: Settings, tenant: str) -> Config:
    return Config(tmp_path, tenant, "S001", kafka_broker.bootstrap)


def test_a_topic_that_the_centre_lacks_is_told_at_once_and_holds_up_no_other(config: Config) -> None:
    line = KafkaLine(config)
    began = time.monotonic()
    try:
        with pytest.raises(NoTopic):
            line.send([Parcel("raw.nowhere", b"{}", [])])
        assert line.send([Parcel("raw.edge", b"{}", [])]) == 1
        assert time.monotonic() - began < SOON_S
    finally:
        line.close()


def test_a_centre_that_does_not_watch_outboxes_holds_up_nothing(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zhongtai_edge.line, "STATE", "state.nowhere")
    line = KafkaLine(config)
    began = time.monotonic()
    try:
        assert line.known(0.1) == []
        assert line.heard_all()
        assert line.send([Parcel("raw.edge", b"{}", [])]) == 1
        assert time.monotonic() - began < SOON_S
    finally:
        line.close()
