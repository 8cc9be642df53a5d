"""Looks for transactions that nobody can end any more, and ends them (`connectors.hanging` tells how they come about)."""

import logging
import threading
from collections.abc import Sequence

from connectors.settings import Settings

log = logging.getLogger(__name__)

EVERY_S = 30.0


class Mender(threading.Thread):
    """Looks every half minute while the process lives. Not being able to look is told and changes nothing else."""

    def __init__(self, settings: Settings, topics: Sequence[str]) -> None:
        super().__init__(name="mender", daemon=True)
        self._settings = settings
        self._topics = topics

    def run(self) -> None:
        # Here, because the admin client of kafka-python would be a seventh of what a worker loads before it starts.
        from connectors.hanging import end_hanging

        pause = threading.Event()
        while not pause.wait(EVERY_S):
            try:
                ended = end_hanging(self._settings, self._topics)
            except Exception as error:  # a broker that is away, or a principal that may not look
                log.info("could not look for hanging transactions: %s", error)
                continue
            for one in ended:
                log.warning(
                    "ended a transaction that hung in %s/%d since offset %d", one.topic, one.partition, one.first
                )
