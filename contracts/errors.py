"""Errors and refusals.

    ZhongtaiError            something that a person can mend; printed without a traceback
    ├── BadInput             the caller's files, arguments or settings      (exit status 2)
    ├── NotReady             a service that is needed does not answer        (exit status 4)
    └── Corrupt              what we stored cannot be trusted                (exit status 5)

Bad *records* are not exceptions: they are `Refused` values and go to a dead-letter topic (see `contracts.refusals`).
"""


class ZhongtaiError(Exception):
    """What is wrong, and (`do`) what to do next. Both are shown to the user; neither may hold personal data."""

    exit_status = 1

    def __init__(self, wrong: str, do: str = "") -> None:
        super().__init__(wrong)
        self.wrong = wrong
        self.do = do


class BadInput(ZhongtaiError):
    exit_status = 2


class NotReady(ZhongtaiError):
    exit_status = 4


class Corrupt(ZhongtaiError):
    exit_status = 5
