"""The owner of the evidence tells the shape of its graphs, of those states only that are held."""

import gc
from typing import Any

from contracts.evidence import IdentityFact
from contracts.wire import decoder
from pipelines.batch import State
from pipelines.identity.graph_metrics import GRAPH, samples
from pipelines.jobs.event_identity_to_state_member_map import Naming, Owner, Said
from tests.oneid.people import RULES, said, seen
from tests.oneid.test_shard import KEY, evidence

FACTS = (seen("B", "card.a", "phone.a"), seen("C", "card.b", "device.b"), said("cannot_link", "card.a", "card.b"))


def told(owner: Owner) -> dict[tuple[str, ...], float]:
    found = list(samples(owner.shape()))
    assert all(len(GRAPH[one.name].labels) == len(one.labels) for one in found)
    return {(one.name.removeprefix("zhongtai_graph_"), *one.labels): one.value for one in found}


def taken(owner: Owner) -> State[Any]:
    state: State[Any] = State(decoder(IdentityFact), {})
    owner.ready(state)
    state.change(owner.step(state, [Said(evidence(one), n + 1, KEY, RULES) for n, one in enumerate(FACTS)]).changes)
    return state


def test_identifiers_members_and_the_largest_are_told_and_go_with_their_state() -> None:
    owner = Owner(lambda _: Naming(KEY, RULES))
    assert told(owner) == {("largest",): 0, ("recycled",): 0}
    state, other = taken(owner), taken(owner)
    found = told(owner)
    assert (found["identifiers", "card"], found["identifiers", "phone"], found["members", "2"]) == (4, 2, 4)
    assert (found["largest",], found["recycled",]) == (2, 0)
    del other
    gc.collect()
    assert told(owner)["members", "2"] == 2
    again: State[Any] = State(decoder(IdentityFact), {})
    again.change({at: state.get(at) for at in state.keys()})  # noqa: SIM118
    owner.ready(again)
    del state
    gc.collect()
    assert told(owner) == {
        key: value / 2 if key[0] not in ("largest", "recycled") else value for key, value in found.items()
    }
