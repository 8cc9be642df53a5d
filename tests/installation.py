"""A whole installation in a temporary home, driven as a person drives it: by the command line."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connectors import settings as settings_
from connectors.settings import Settings
from pipelines import supervisor_state
from pipelines.jobs import groups
from pipelines.settled import wait_until_settled


class Said:
    """What a command printed, and how it ended."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr

    @property
    def last(self) -> dict[str, Any]:
        """The JSON object of the last line of standard output."""
        return json.loads(self.out.splitlines()[-1])

    def __repr__(self) -> str:
        return f"exit status {self.status}\n{self.out}\n{self.err}"


class Installation:
    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("ZHONGTAI_")}
        self.environment["ZHONGTAI_HOME"] = str(home)

    @property
    def settings(self) -> Settings:
        return settings_.load(self.environment)

    def zhongtai(self, *arguments: object, expect: int | None = 0) -> Said:
        """Run `zhongtai`. Fails the test when it ends with another status than expected, or with a traceback."""
        command = [sys.executable, "-m", "cli.main", *map(str, arguments)]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=280, check=False)
        said = Said(done)
        assert "Traceback" not in said.err, said
        assert expect is None or said.status == expect, said
        return said

    def settle(self) -> None:
        """Wait until every job has done everything that there is to do."""
        wait_until_settled(self.settings, groups(self.settings), 240, lambda _: None)

    def pid(self, child: str) -> int:
        """The process that the supervisor keeps: `broker` or `worker`."""
        state = supervisor_state.read(self.home)
        assert state is not None
        kept = state.child(child)
        assert kept is not None
        assert kept.ticket is not None
        return kept.ticket.pid


@contextmanager
def running(home: Path) -> Iterator[Installation]:
    """An installation that is up; everything is stopped at the end."""
    installation = Installation(home)
    try:
        installation.zhongtai("up")
        yield installation
    finally:
        installation.zhongtai("down")
