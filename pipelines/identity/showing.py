"""Jobs that read events and send what each says of who is who (`event.identity`). No state, and no identifier in clear.

The same event gives the same evidence: ids follow from the event's, so evidence made twice is one.
"""

from collections.abc import Callable, Container, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import oneid
from connectors.clock import SystemClock
from connectors.keystore import Keystore
from connectors.settings import Settings
from contracts.evidence import Evidence, shard
from contracts.keys import key
from contracts.receipts import Token
from contracts.wire import Record, decoder, headers
from oneid.rules import Rules, parse
from pipelines.batch import Effects, Job, Output, Run
from pipelines.identity.nobodys import Nobodys

E = TypeVar("E", bound=Record)
SOURCE = "/oneid/evidence"


def platform_rules() -> Rules:
    """The rules that come with the platform."""
    return parse(Path(oneid.__path__[0], "rules.yml").read_text("utf-8"), "oneid/rules.yml")


def output(said: Evidence) -> Output:
    return Output(
        "event.identity",
        key(said.tenant, said.id),
        shard(said.tenant),
        said,
        headers(Evidence, said.id, SOURCE, said.at),
    )


class Showing:
    """Reads events of one kind. The key store is opened when the first run comes."""

    def __init__(
        self,
        settings: Settings,
        kind: type[E],
        tokens: Callable[[E], Iterable[Token]],
        say: Callable[[E, Container[str]], Iterable[Evidence]],
    ) -> None:
        self._settings, self._tokens, self._say = settings, tokens, say
        self._decode = decoder(kind)
        self._nobodys: dict[str, Nobodys] = {}

    @cached_property
    def _keystore(self) -> Keystore:
        return Keystore(self._settings.home, SystemClock())

    @cached_property
    def _rules(self) -> Rules:
        return platform_rules()

    def prepare(self, run: Run) -> list[Evidence]:
        events: list[Any] = [self._decode(value) for value in run.values]
        by_tenant: dict[str, list[Token]] = {}
        for event in events:
            by_tenant.setdefault(event.tenant, []).extend(self._tokens(event))
        nobodys = {tenant: self._of(tenant).among(shown) for tenant, shown in by_tenant.items()}
        return [said for event in events for said in self._say(event, nobodys[event.tenant])]

    def _of(self, tenant: str) -> Nobodys:
        if tenant not in self._nobodys:
            self._nobodys[tenant] = Nobodys(self._keystore, tenant, self._rules)
        return self._nobodys[tenant]


def step(_: object, said: Sequence[Evidence]) -> Effects:
    return Effects({}, [output(one) for one in said])


def showing(
    settings: Settings,
    name: str,
    topic: str,
    kind: type[E],
    tokens: Callable[[E], Iterable[Token]],
    say: Callable[[E, Container[str]], Iterable[Evidence]],
) -> Job:
    """The job that reads `kind` from `topic` and sends what `say(event, nobody's nids)` makes of each."""
    reader = Showing(settings, kind, tokens, say)
    return Job(
        name=name, inputs=(topic,), prepare=reader.prepare, step=step, slow=True
    )  # it may look at key and cipher
