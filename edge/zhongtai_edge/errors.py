"""What can go wrong, said so that a shop's technician can act: what is wrong, what to do, and the exit status.

EdgeError
├── BadInput   2  the command, a payload or a setting cannot be
├── Full       5  the disk budget is used up: the record was NOT taken
└── Unusable   6  the outbox cannot be opened at all
"""

from __future__ import annotations


class EdgeError(Exception):
    exit_status = 1

    def __init__(self, wrong: str, do: str) -> None:
        super().__init__(f"{wrong} {do}")
        self.wrong = wrong
        self.do = do


class BadInput(EdgeError):
    exit_status = 2


class Full(EdgeError):
    exit_status = 5


class Unusable(EdgeError):
    exit_status = 6
