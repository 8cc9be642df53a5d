"""`<home>/edge.json`: who this shop is and where the centre is. Written by `zhongtai-edge init`, read by everything else."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

from zhongtai_edge.errors import BadInput
from zhongtai_edge.files import replace

NAME = "edge.json"
_TENANT = re.compile(r"[A-Za-z0-9-]{1,32}\Z")
_STORE = re.compile(r"[^\s|\x00-\x1f][^|\x00-\x1f]{0,63}\Z")


class Config(NamedTuple):
    """`rate`: records a second at most, catching up included. `budget_mb`: what the outbox may take of the disk.

    `keep_days`: how long a record is held that Kafka acknowledged but the centre has not confirmed yet.
    """

    home: Path
    tenant: str
    store: str
    kafka: str
    rate: float = 500.0
    budget_mb: float = 512.0
    keep_days: float = 14.0
    grace_s: float = 30.0
    heartbeat_s: float = 60.0
    security: str = "PLAINTEXT"
    sasl_mechanism: str = ""
    sasl_user: str = ""
    ca: str = ""

    @classmethod
    def read(cls, home: str | Path) -> Config:
        """Raises `BadInput` when there is none, or a wrong one."""
        path = Path(home) / NAME
        try:
            written = json.loads(path.read_bytes())
            if not isinstance(written, dict):
                raise ValueError
        except FileNotFoundError:
            raise BadInput(f"There is no outbox in {home}.", "Make one: zhongtai-edge init --help") from None
        except (OSError, ValueError) as error:
            raise BadInput(f"{path} cannot be read ({type(error).__name__}).", "Mend it, or run init again.") from None
        return cls.checked(Path(home), written)

    @classmethod
    def checked(cls, home: Path, written: dict[str, Any]) -> Config:
        known = set(cls._fields) - {"home"}
        if unknown := sorted(set(written) - known):
            raise BadInput(f"{NAME}: unknown setting {', '.join(unknown)}.", f"Known: {', '.join(sorted(known))}.")
        for name, pattern in (("tenant", _TENANT), ("store", _STORE)):
            if not isinstance(written.get(name), str) or not pattern.match(written[name]):
                raise BadInput(f"{NAME}: {name} is missing or cannot be.", "Use the code that the centre knows.")
        if not isinstance(written.get("kafka"), str) or ":" not in written["kafka"]:
            raise BadInput(f"{NAME}: kafka is no host:port.", "Such as kafka.example.com:9092.")
        for name in ("rate", "budget_mb", "keep_days", "grace_s", "heartbeat_s"):
            value = written.get(name, 1)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
                raise BadInput(f"{NAME}: {name} is no number above 0.", "Mend it.")
        return cls(home, **written)

    def write(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        fields = {name: value for name, value in self._asdict().items() if name != "home"}
        replace(self.home / NAME, json.dumps(fields, indent=1).encode() + b"\n")

    def clients(self) -> dict[str, Any]:
        """Settings of kafka-python clients. The password comes from the environment, never from a file of ours."""
        given: dict[str, Any] = {"bootstrap_servers": self.kafka.split(","), "security_protocol": self.security}
        if self.security.startswith("SASL"):
            given["sasl_mechanism"] = self.sasl_mechanism
            given["sasl_plain_username"] = self.sasl_user
            given["sasl_plain_password"] = os.environ.get("ZHONGTAI_EDGE_SASL_PASSWORD", "")
        if self.security.endswith("SSL") and self.ca:
            given["ssl_cafile"] = self.ca
        return given
