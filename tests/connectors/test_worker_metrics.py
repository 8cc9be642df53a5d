"""What the workers of a home say of their jobs, read as `zhongtai status` and the console do."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from connectors import worker_metrics
from pipelines.batch import Effects, Gauge, Job, Sample, Telling, decoded
from pipelines.batch.engine import Engine
from pipelines.batch.metrics import serve
from tests.chaos.sim.jobs import Level

GAUGES = {"zhongtai_test_things": Gauge(("kind",), "Things", "物"), "zhongtai_test_all": Gauge((), "All", "全部")}


def home_of_two(folder: Path) -> Path:
    """Two workers that answer: of one job each the second has a metric less."""
    values = [
        [
            Sample("zhongtai_test_things", ("a",), 3),
            Sample("zhongtai_test_things", ("b",), 4),
            Sample("zhongtai_test_all", (), 5),
        ],
        [Sample("zhongtai_test_things", ("a",), 10)],
    ]
    for slot, samples in enumerate(values):
        job = Job(
            name="things",
            inputs=("t",),
            step=lambda _, __: Effects({}),
            prepare=decoded(Level),
            tells=Telling(GAUGES, lambda samples=samples: samples),  # type: ignore[misc]
        )
        engine = Engine(job, cast(Any, SimpleNamespace()), interval_s=1, seek=lambda *_: None)
        engine.stats.records = 7
        other = Engine(
            cast(Any, SimpleNamespace(state=None, tells=None)), cast(Any, None), interval_s=1, seek=lambda *_: None
        )
        engines = [("things", engine), ("other", other)]
        serve(lambda engines=engines: engines, "127.0.0.1:0", folder / "worker" / f"{slot}.json")  # type: ignore[misc]
    return folder


def test_a_jobs_own_metrics_are_summed_over_workers_and_told_by_label(tmp_path: Path) -> None:
    home = home_of_two(tmp_path)
    told = worker_metrics.read(home)
    assert (told["things"]["zhongtai_records_total"], told["other"]["zhongtai_records_total"]) == (14, 0)
    assert (told["things"]["zhongtai_test_things"], told["things"]["zhongtai_test_all"]) == (17, 5)
    assert "zhongtai_test_things" not in told["other"]
    own = worker_metrics.labelled(home, "things")
    assert (own["zhongtai_test_things"], own["zhongtai_test_all"]) == ({"a": 13, "b": 4}, {"": 5})
    assert own["zhongtai_records_total"] == {"": 14}
    assert worker_metrics.labelled(home, "nothing") == {}


def test_a_worker_that_is_gone_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "worker").mkdir()
    note = {"pid": 2**22 + 1, "metrics": "http://127.0.0.1:1/metrics"}
    (tmp_path / "worker" / "a.json").write_text(json.dumps(note))
    assert worker_metrics.read(tmp_path) == worker_metrics.labelled(tmp_path, "things") == {}
