"""What a peer is told. Imports next to nothing: peers load it, and their start is measured."""

from pathlib import Path

import msgspec


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """What a peer's process is told, in one JSON argument. Names carry the trial, so that none meets another."""

    bootstrap: str
    source: str
    output: str
    group: str
    prefix: str
    commit_ms: int
    folder: str
    slot: str = "0"
    partitions: int = 4
    options: dict[str, str] = {}

    @classmethod
    def named(cls, prefix: str, bootstrap: str, source: str, commit_ms: int, folder: Path) -> "Setup":
        own = folder / prefix
        own.mkdir(parents=True, exist_ok=True)
        return cls(
            bootstrap=bootstrap,
            source=source,
            output=f"{prefix}.levels",
            group=f"zhongtai.{prefix}",
            prefix=prefix,
            commit_ms=commit_ms,
            folder=str(own),
        )
