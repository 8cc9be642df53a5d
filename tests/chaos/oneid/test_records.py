"""A sample of the histories of records, and that they would tell a bug."""

import msgspec
import pytest

from contracts.orders import Snapshot
from oneid import profiles
from pipelines.jobs import event_profile_fact_to_state_profile as keep_profiles
from tests.chaos.oneid import records
from tests.chaos.oneid.records import differences


def test_after_any_history_of_records_each_profile_equals_its_rebuild() -> None:
    assert [what for seed in range(150) for what in differences(seed)] == []


def _told(seeds: int = 150) -> bool:
    return any(differences(seed) for seed in range(seeds))


def test_it_is_told_when_a_late_fact_brings_an_erased_profile_back(monkeypatch: pytest.MonkeyPatch) -> None:
    remembers = keep_profiles.prepared
    monkeypatch.setattr(keep_profiles, "prepared", lambda _: remembers(set))
    assert _told()


def test_it_is_told_when_an_erased_persons_order_goes_to_who_was_named_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(_: object, snapshot: Snapshot, gone: set[str]) -> Snapshot:
        return msgspec.structs.replace(
            snapshot, identifiers=tuple(t for t in snapshot.identifiers if t.nid not in gone)
        )

    monkeypatch.setattr(records.Contributor, "without", without)
    assert _told()


def test_it_is_told_when_a_sum_depends_on_the_way_that_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    add = profiles._by_key
    monkeypatch.setattr(profiles, "_counts", lambda x, y: add(x, y, int.__add__))
    assert _told()
