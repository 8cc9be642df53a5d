"""Opens everything that a service needs in a home, and closes it again."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from connectors.settings import Settings
from contracts.clock import Clock
from oneservice.audit import Audit
from oneservice.limits import Buckets, Limits
from oneservice.policy import Policy
from oneservice.publication import Publications
from oneservice.sandbox.pool import Pool, Share
from oneservice.service import Service
from oneservice.tokens import Tokens


@contextmanager
def opened(
    settings: Settings,
    clock: Clock,
    limits: Limits = Limits(),  # noqa: B008
    share: Share = Share(),  # noqa: B008
) -> Iterator[Service]:
    """The service of a home, for the length of the block. Raises `NotReady` when its own files cannot be used."""
    with ExitStack() as closing:
        publications = Publications(settings.home)
        closing.callback(publications.close)
        tokens = Tokens(settings.home, settings.tenant, clock)
        closing.callback(tokens.close)
        audit = Audit(settings.home)
        closing.callback(audit.close)
        pool = Pool(share)
        closing.callback(pool.close)
        yield Service(
            settings=settings,
            clock=clock,
            publications=publications,
            tokens=tokens,
            policy=Policy(settings.home),
            audit=audit,
            limits=limits,
            buckets=Buckets(limits),
            sql=pool,
        )
