"""Opens everything that a service needs in a home, and closes it again."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from connectors.settings import Settings
from contracts.clock import Clock
from oneservice.audit import Audit
from oneservice.limits import Buckets, Limits
from oneservice.policy import Policy
from oneservice.publication import Publications
from oneservice.service import Service
from oneservice.tokens import Tokens


@contextmanager
def opened(settings: Settings, clock: Clock, limits: Limits = Limits()) -> Iterator[Service]:  # noqa: B008
    """The service of a home, for the length of the block. Raises `NotReady` when its own files cannot be used."""
    with ExitStack() as closing:
        publications = Publications(settings.home)
        closing.callback(publications.close)
        tokens = Tokens(settings.home, settings.tenant, clock)
        closing.callback(tokens.close)
        audit = Audit(settings.home)
        closing.callback(audit.close)
        yield Service(
            settings=settings,
            clock=clock,
            publications=publications,
            tokens=tokens,
            policy=Policy(settings.home),
            audit=audit,
            limits=limits,
            buckets=Buckets(limits),
        )
