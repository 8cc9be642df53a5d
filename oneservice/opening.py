"""Opens everything that a service needs in a home, and closes it again."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from connectors.keystore import Keystore
from connectors.settings import Settings
from contracts.clock import Clock
from oneservice.audit import Audit
from oneservice.limits import Buckets, Limits
from oneservice.live.follow import Follower
from oneservice.live.look_up import LookUp
from oneservice.live.roads import FOLLOWED
from oneservice.live.view import View
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
    *,
    follow: bool = True,
) -> Iterator[Service]:
    """The service of a home, for the length of the block; without `follow` the live view stays as it is.

    Raises `NotReady` when the service's own files cannot be used.
    """
    with ExitStack() as closing:
        publications = Publications(settings.home)
        closing.callback(publications.close)
        tokens = Tokens(settings.home, settings.tenant, clock)
        closing.callback(tokens.close)
        audit = Audit(settings.home)
        closing.callback(audit.close)
        pool = Pool(share)
        closing.callback(pool.close)
        view = View(settings.home / "service" / "live.sqlite")
        closing.callback(view.close)
        follower = Follower(settings, view, FOLLOWED, clock)
        closing.callback(follower.close)
        if follow:
            follower.start()
        keystore = Keystore(settings.home, clock)
        closing.callback(keystore.close)
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
            live=LookUp(view, follower, settings.tenant),
            tenant_key=partial(keystore.tenant_key, settings.tenant),
        )
