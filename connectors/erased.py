"""Which identifiers are erased, as a job sees it: those whose keys are destroyed. Nothing is taken of them any more."""

from functools import cached_property

from connectors.clock import SystemClock
from connectors.keystore import Keystore
from connectors.settings import Settings


class Erased:
    """Opens the key store when it is first asked, and looks at each call whether another process has erased since."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._nids: set[str] = set()
        self._mark = 0

    @cached_property
    def _keystore(self) -> Keystore:
        return Keystore(self._settings.home, SystemClock())

    def now(self) -> set[str]:
        """Every erased nid. The caller must not change the set, which is the same at each call, and grows."""
        self._mark, nids = self._keystore.destroyed_after(self._mark)
        self._nids.update(nids)
        return self._nids
