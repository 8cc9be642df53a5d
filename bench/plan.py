"""What to run, from the environment, and where the files go. docs/bench.md lists the variables."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from contracts.errors import BadInput

ALL_PEERS = ("zhongtai", "kafka_streams", "quixstreams", "faust_table", "product")
PARTITIONS = 4


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One run of the benchmark. Intervals are in milliseconds."""

    rounds: int
    events: int
    keys: int
    peers: tuple[str, ...]
    seed: int
    curve: bool
    commit_ms: int
    latency_commit_ms: tuple[int, ...]
    latency_s: int
    kills: int
    date: str
    folder: Path
    cache: Path

    def events_of(self, peer: str) -> int:
        """How many events a peer gets: the plain Faust table is so slow that a thirtieth must do."""
        return max(1, self.events // 30) if peer == "faust_table" else self.events

    def commit_of(self, peer: str) -> int:
        """The commit interval of a peer. Those that lose throughput by short ones get a second: in their favour."""
        return max(1_000, self.commit_ms) if peer in ("quixstreams", "faust_table") else self.commit_ms


def cache() -> Path:
    """Where peers are built: outside the repository, kept from run to run."""
    if chosen := os.environ.get("BENCH_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zhongtai" / "bench"


def load(environment: Mapping[str, str], today: str) -> Plan:
    """The plan that the environment asks for. Raises `BadInput` for a peer that does not exist."""
    env = {name: value for name, value in environment.items() if value}
    peers = tuple(env.get("PEERS", ",".join(ALL_PEERS)).replace(" ", ",").split(","))
    if unknown := sorted(set(peers) - set(ALL_PEERS)):
        raise BadInput(f"Unknown peer: {', '.join(unknown)}.", f"Known: {', '.join(ALL_PEERS)}.")
    return Plan(
        rounds=int(env.get("ROUNDS", "3")),
        events=int(env.get("EVENTS", "3000000")),
        keys=int(env.get("KEYS", "30000")),
        peers=peers,
        seed=int(env.get("SEED", "1")),
        curve=env.get("CURVE", "0") == "1",
        commit_ms=int(env.get("COMMIT_MS", "100")),
        latency_commit_ms=tuple(int(ms) for ms in env.get("LATENCY_COMMIT_MS", "30,100").split(",")),
        latency_s=int(env.get("LATENCY_S", "25")),
        kills=int(env.get("KILLS", "3")),
        date=env.get("DATE", today),
        folder=Path(tempfile.mkdtemp(prefix="zhongtai-bench-")),
        cache=cache(),
    )
