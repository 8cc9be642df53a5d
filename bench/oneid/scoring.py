"""How far a partition of identifiers agrees with the simulated people: `oneid.scoring`, told who acted in each event."""

from collections.abc import Mapping, Sequence

from bench.oneid.simulator import World
from oneid import scoring
from oneid.scoring import Score


def score(world: World, cluster_of: Mapping[str, object], links: Sequence[Sequence[str]]) -> Score:
    """`links`: what `reachable` returned. A number with several owners, in turn or at once, must be with one of them."""
    several = {nid: owners for nid, owners in world.owners.items() if len(owners) > 1}
    return scoring.score(world.owners, several, cluster_of, links)


def reachable(world: World) -> list[list[str]]:
    """For each person the identifiers of their own alone, as far as their own events link them."""
    own = (
        (actor, [nid for nid in event.nids if actor in world.owners.get(nid, ()) and nid not in world.at_once])
        for event, actor in zip(world.events, world.actors, strict=True)
    )
    return scoring.reachable(world.owners, own)
