"""A process that does nothing but tick, for test_ticker: python -m tests.chaos.real.ticking BROKER SLOT TOPIC."""

import os
import sys
import tempfile
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connectors.settings import Settings
from pipelines.batch.ticker import Ticker

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class FastClock:
    """A hundred seconds a second, and a little behind in every second process, as clocks of machines are."""

    def __init__(self, behind_s: int) -> None:
        self._behind_s = behind_s

    def now(self) -> datetime:
        since = datetime.now(UTC).timestamp() - 1_790_000_000
        return BEGIN + timedelta(seconds=100 * since - self._behind_s)


def main() -> None:
    broker, slot, topic = sys.argv[1:]

    def failed(error: BaseException) -> None:
        traceback.print_exception(error)
        os._exit(70)

    settings = Settings(home=Path(tempfile.gettempdir()), kafka=broker)
    clock = FastClock(150 * (int(slot) % 2))
    ticker = Ticker(settings, slot, [topic], clock, failed, interval_s=0.05, session_ms=2_000)
    ticker.start()
    ticker.join()


if __name__ == "__main__":
    main()
