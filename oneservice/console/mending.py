"""Dead letters for the console: read at most every `FRESH_S`, opened, and sent back mended."""

import threading
import time
from collections.abc import Mapping
from typing import NamedTuple

from connectors.dead_letters import Letter, Repair, Replay, Replayed, letters
from connectors.feed_cipher import FeedCipher
from connectors.feeds import FEEDS, Format
from connectors.keystore import Keystore
from connectors.sender import Sender
from connectors.settings import Settings
from contracts.clock import Clock
from contracts.errors import ZhongtaiError

FRESH_S = 10.0


class Read(NamedTuple):
    """The letters of every feed by id, as Kafka had them; `wrong` and `do` when it did not answer."""

    letters: Mapping[str, Mapping[str, Letter]]
    wrong: str = ""
    do: str = ""


class Letters:
    """May be shared between threads; whoever comes while somebody reads waits for the same answer."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._read: tuple[float, Read] | None = None

    def read(self, fresh_s: float = FRESH_S) -> Read:
        """All letters, as they were at most `fresh_s` ago. Reads the whole topics, which hold seven days."""
        with self._lock:
            if self._read is None or time.monotonic() - self._read[0] > fresh_s:
                self._read = (time.monotonic(), self._now())
            return self._read[1]

    def lately(self) -> Read | None:
        """What was read last, however long ago; None before the first time. Never waits."""
        read = self._read
        return read[1] if read and not read[1].wrong else None

    def _now(self) -> Read:
        try:
            return Read({feed: letters(self._settings, feed) for feed in FEEDS})
        except ZhongtaiError as error:
            return Read({}, error.wrong, error.do)

    def reveal(self, feed: str, letter: Letter) -> bytes | None:
        """The refused bytes; None when they were too large to keep. They may hold personal data."""
        if not letter.refused.cipher:
            return None
        keystore = Keystore(self._settings.home, self._clock)
        try:
            return FeedCipher(keystore, self._settings.tenant, feed).decrypt(letter.refused.id, letter.refused.cipher)
        finally:
            keystore.close()

    def send(self, feed: str, letter: Letter, mended: bytes, formats: Mapping[str, Format], by: str) -> Replayed:
        """Sends a mended record to `raw.<feed>`; `by` is who did, and stands where a file's name would.

        The first job judges it again, and marks the letter once it takes the record.
        """
        original = self.reveal(feed, letter)
        if original is None:
            return Replayed(unknown=1)
        keystore = Keystore(self._settings.home, self._clock)
        try:
            with Sender(self._settings) as sender:
                cipher = FeedCipher(keystore, self._settings.tenant, feed)
                repair = Repair(1, original, mended)
                replay = Replay(sender, cipher=cipher, formats=formats)
                return replay.send([repair], {letter.refused.id: letter}, by, again=True)
        finally:
            keystore.close()
            self._read = None
