"""Batch matching with Splink on DuckDB: records in, pairs of one person out, without labels.

    1. Features: each record's fields in one spelling (`oneid.matching.features`), and how many records share each.
    2. Keys: candidates are the pairs that share one; keys that propose too many pairs are left out.
    3. Splink draws random pairs for the strangers' probabilities and compares the candidates.
    4. The model of persons, families and strangers is fitted to the patterns (`oneid.matching.posterior`).
    5. Pairs become persons without contradiction, at a threshold chosen by the model's own word.

The same file, mapping and seed give the same pairs, bit for bit.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from oneid.matching import blocking, clusters, posterior
from oneid.matching.comparisons import (
    COUNTED,
    EXPECTED_NAMESAKES_SQL,
    Comparison,
    compared_sql,
    comparisons,
    splink_settings,
)
from oneid.matching.features import FEATURES, features

PRECISION_AIMED_AT = 0.992  # of pairs within persons, by the model's own word
THRESHOLDS = tuple(t / 100 for t in range(50, 100, 3))
PAIRS_A_RECORD = 200  # candidates, at most, for each record
FEWEST_PAIRS = 4_000_000
DRAWN_PAIRS = 1.5e6

Said = Mapping[tuple[int, int], bool]  # what people said of two records, the smaller first: one person's, or not
Told = Callable[[str, float], None]  # what is being done, and how much of the whole is done


class Scored(NamedTuple):
    """Records are counted from 0 in the order of the file. `pairs`: (a, b, probability), a < b, in order.

    `uncertain`: pairs that were compared, are not among `pairs`, and are not improbable either. `families`: the share of
    candidates that the model takes for two of one household.
    """

    pairs: list[tuple[int, int, float]]
    uncertain: list[tuple[int, int, float]]
    threshold: float
    candidates: int
    keys: list[str]
    model: dict[str, Any]

    @property
    def version(self) -> str:
        """A name of the model, from everything in it."""
        return hashlib.sha256(json.dumps(self.model, sort_keys=True).encode()).hexdigest()[:12]


def match(
    records: Sequence[Mapping[str, str | None]],
    region: str = "CN",
    *,
    seed: int = 1,
    said: Said | None = None,
    told: Told | None = None,
) -> Scored:
    """The pairs of records of one person. A record maps roles (`oneid.matching.mapping`) to texts.

    `said` holds against the model: records that are said to be one person's are in one, others are not joined, and their
    probability is 1 or 0.
    """
    told = told or (lambda _what, _done: None)
    con = duckdb.connect()
    # DuckDB draws its bar on standard output, where results go.
    con.execute("set enable_progress_bar = false")
    try:
        return _match(con, records, region, seed, said or {}, told)
    finally:
        con.close()


def _match(
    con: duckdb.DuckDBPyConnection,
    records: Sequence[Mapping[str, str | None]],
    region: str,
    seed: int,
    said: Said,
    told: Told,
) -> Scored:
    # Step 1. Features.
    present, chinese = _load(con, records, region, told)
    chosen = comparisons(present, chinese, len(records))
    # Step 2. Keys.
    told("finding candidates", 0.3)
    keys = _keys(con, present, len(records))
    nothing = Scored([], [], 1.0, 0, [], {"comparisons": [c.name for c in chosen]})
    if not keys or not chosen:
        return nothing
    # Step 3. Compare.
    told("comparing candidates", 0.4)
    drawn = _compared(con, chosen, [k.column for k in keys], seed)
    told("fitting the model", 0.8)
    patterns, counts = _patterns(con, chosen)
    if not len(patterns):
        return nothing
    # Step 4. Fit.
    n = len(records)
    model = posterior.fit(patterns, counts, drawn, chosen, n, n * (n - 1) / 2)
    sure = posterior.posterior(patterns, model)[:, posterior.PERSON]
    # Step 5. Persons and threshold.
    told("joining pairs", 0.9)
    judged = {(a, b): p for a, b, p in _scored(con, patterns, sure.clip(1e-9, 1 - 1e-9))}
    scored = [(a, b, p) for (a, b), p in (judged | {pair: float(same) for pair, same in said.items()}).items()]
    threshold, pairs = blind_threshold(scored)
    uncertain = [(a, b, p) for a, b, p in scored if p >= 0.1 and (a, b) not in pairs]
    told("done", 1.0)
    return Scored(
        [(a, b, p) for (a, b), p in pairs.items()], sorted(uncertain), threshold, int(counts.sum()),
        [" ".join(k.parts) for k in keys], _described(model, chosen),
    )  # fmt: skip


def blind_threshold(scored: Sequence[tuple[int, int, float]]) -> tuple[float, dict[clusters.Pair, float]]:
    """The lowest of THRESHOLDS at which the pairs within persons are right often enough by the model's own word, and they.

    The word is good: on records with known truth the model's mean probability and the share of right pairs lie within a
    hundredth of each other. Found by bisection, so it takes the higher where the share does not rise with the threshold.
    """

    def joined(threshold: float) -> dict[clusters.Pair, float]:
        return clusters.within(clusters.clusters(scored, threshold), scored, threshold)

    low, high = 0, len(THRESHOLDS) - 1
    best = joined(THRESHOLDS[high])
    while low < high:
        middle = (low + high) // 2
        pairs = joined(THRESHOLDS[middle])
        if sum(pairs.values()) >= PRECISION_AIMED_AT * len(pairs):
            high, best = middle, pairs
        else:
            low = middle + 1
    return THRESHOLDS[high], best


def _load(
    con: duckdb.DuckDBPyConnection, records: Sequence[Mapping[str, str | None]], region: str, told: Told
) -> tuple[set[str], bool]:
    columns: dict[str, list[str | None]] = {f: [] for f in FEATURES}
    for i, record in enumerate(records):
        if i % 1000 == 0:
            told("reading names, addresses and numbers", 0.3 * i / len(records))
        for f, value in features(record, region).items():
            columns[f].append(value)
    present = {f for f, values in columns.items() if any(v is not None for v in values)}
    full = [s for s in columns["n_full"] if s]
    chinese = bool(full) and sum(not s.isascii() for s in full) > 0.3 * len(full)
    rows = pa.table(
        {"row": pa.array(range(len(records)), pa.int64())} | {f: pa.array(v, pa.string()) for f, v in columns.items()}
    )
    con.register("given", rows)
    counted = ", ".join(
        f"case when {f} is not null then count(*) over (partition by {f}) end as f_{f}" for f in COUNTED
    )
    con.execute(
        f"create table features as with counted as (select *, {counted} from given) "  # noqa: S608  our own names only
        f"select *, coalesce({EXPECTED_NAMESAKES_SQL}, 0)::double as x_name from counted"
    )
    con.unregister("given")
    return present, chinese


def _keys(con: duckdb.DuckDBPyConnection, present: set[str], n: int) -> list[blocking.Key]:
    most = int(max(60, min(600, 4_000_000 // max(n, 1))))
    candidates = blocking.keys(present)
    if not candidates:
        return []
    con.execute("create table keyed as " + blocking.keyed_sql("features", candidates, most))
    sizes = [(k, int((con.execute(blocking.pairs_sql("keyed", k)).fetchone() or (0,))[0])) for k in candidates]
    return blocking.within_budget(sizes, max(FEWEST_PAIRS, PAIRS_A_RECORD * n))


def _compared(con: duckdb.DuckDBPyConnection, chosen: list[Comparison], keys: list[str], seed: int) -> list[np.ndarray]:
    """Makes the table `compared`; per comparison the probability of each level among random pairs."""
    from splink import DuckDBAPI, Linker

    api = DuckDBAPI(con)
    linker = Linker(api.register("keyed"), splink_settings(chosen, keys), log_level=None, validate_settings=False)
    linker.training.estimate_u_using_random_sampling(DRAWN_PAIRS, seed, min_count_per_level=None, num_chunks=1)
    blocked = linker.inference.compute_blocked_pairs_for_predict().physical_name
    con.execute(f"create view candidates as select join_key_l as a, join_key_r as b from {blocked}")  # noqa: S608
    columns = [*FEATURES, *(f"f_{f}" for f in COUNTED), "x_name"]
    con.execute("create table compared as " + compared_sql("features", "candidates", chosen, columns))
    trained = {c["output_column_name"]: c["comparison_levels"] for c in linker.misc.save_model_to_json()["comparisons"]}
    said = [[level for level in trained[c.name] if not level.get("is_null_level")] for c in chosen]
    return [np.array([level.get("u_probability") or 0.0 for level in levels], dtype=float) for levels in said]


def _patterns(con: duckdb.DuckDBPyConnection, chosen: list[Comparison]) -> tuple[np.ndarray, np.ndarray]:
    places = [f"g{i}" for i in range(len(chosen))]
    sql = f"select {', '.join(places)}, count(*) as pairs from compared group by all order by all"  # noqa: S608
    found = con.execute(sql).fetchnumpy()
    return np.stack([np.asarray(found[g], dtype=np.int64) for g in places], axis=1), np.asarray(
        found["pairs"], dtype=float
    )


def _scored(con: duckdb.DuckDBPyConnection, patterns: np.ndarray, sure: np.ndarray) -> list[tuple[int, int, float]]:
    """The candidates that matter: probable ones, and those that speak against a union of two records that others join."""
    places = {f"g{i}": patterns[:, i] for i in range(patterns.shape[1])}
    con.register("sureness", pa.table({**places, "p": sure}))
    on = " and ".join(f"t.{g} = s.{g}" for g in places)
    con.execute(f"create table scored as select a, b, p from compared t join sureness s on {on}")  # noqa: S608
    con.unregister("sureness")
    sql = (
        "with near as (select a as x from scored where p >= 0.1 union select b from scored where p >= 0.1) "
        "select least(a, b), greatest(a, b), p from scored "
        "where p >= 0.1 or (a in (select x from near) and b in (select x from near)) order by 1, 2"
    )
    return con.execute(sql).fetchall()


def _described(model: posterior.Model, chosen: list[Comparison]) -> dict[str, Any]:
    """The model in words and figures, for people and for its name."""
    kinds = ("person", "family", "strangers")
    return {
        "shares": {kind: round(float(s), 12) for kind, s in zip(kinds, model.shares, strict=True)},
        "comparisons": {
            c.name: {
                level.label: {kind: round(float(model.levels[k][i][j]), 9) for k, kind in enumerate(kinds)}
                for j, level in enumerate(c.levels)
            }
            for i, c in enumerate(chosen)
        },
    }
