"""Which identifiers have a value that the rules block. The values are looked at in memory, once each, and not kept."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator

from cryptography.exceptions import InvalidTag

from connectors.keystore import Keystore
from connectors.tokens import open_
from contracts.receipts import Token
from oneid.identifiers import nid
from oneid.rules import Blocked, Rules

MOST_REMEMBERED = 200_000
NOTHING = Blocked(type="").pattern


class Nobodys:
    """For one tenant. What matches a list is known by its hash; what a pattern judges is opened while its key exists."""

    def __init__(self, keystore: Keystore, tenant: str, rules: Rules) -> None:
        self._keystore, self._rules = keystore, rules
        key = keystore.tenant_key(tenant)
        self._listed = {nid(key, blocked.type, value) for blocked in rules.blocked for value in blocked.exact}
        self._judged_types = {blocked.type for blocked in rules.blocked if blocked.pattern != NOTHING}
        self._known: OrderedDict[str, bool] = OrderedDict()

    def among(self, shown: Iterable[Token]) -> set[str]:
        """The nids, of these, that are nobody's."""
        tokens = {token.nid: token for token in shown}
        self._judge([token for token in tokens.values() if token.type in self._judged_types])
        return {nid for nid in tokens if nid in self._listed or self._known.get(nid, False)}

    def _judge(self, tokens: list[Token]) -> None:
        while len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)
        unknown = [token for token in tokens if token.nid not in self._known]
        keys = self._keystore.find(token.nid for token in unknown) if unknown else {}
        for token in unknown:
            key = keys.get(token.nid)
            if key and token.cipher:
                self._known[token.nid] = any(self._rules.is_blocked(token.type, value) for value in _value(key, token))


def _value(key: bytes, token: Token) -> Iterator[str]:
    try:
        yield open_(key, token)
    except InvalidTag:  # another key than the one that sealed it: the identifier was erased in between
        return
