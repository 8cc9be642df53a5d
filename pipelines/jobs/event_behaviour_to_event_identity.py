"""`event.behaviour` → `event.identity`: log-ins, and what people say of themselves in the web shop and the app."""

from collections.abc import Iterator

from connectors.settings import Settings
from contracts.behaviour import Behaviour
from contracts.receipts import Token
from oneid.showing import of_behaviour
from pipelines.batch import Job
from pipelines.identity.showing import showing


def _tokens(call: Behaviour) -> Iterator[Token]:
    yield from call.identifiers
    yield from (call.previous,) if call.previous else ()


def job(settings: Settings) -> Job:
    return showing(settings, "show_behaviour", "event.behaviour", Behaviour, _tokens, of_behaviour)
