"""Our builder, in a process of its own, asked line by line on standard input: `python -m bench.marts.ours HOME`.

Answers each with a line of JSON: `build` (all tables from the lake, or what is new in it), `publish`, `tables`. The context is
loaded, SQLMesh has made the tables, and the product file is read, as for dbt, before the first line. A run has the tables of
the lake open when it begins to build, and so have we. No rule is asked in a build, and nothing published in it.
"""

import json
import sys
import time
from pathlib import Path

from bench.marts.rig import contents
from connectors.clock import SystemClock
from connectors.settings import Settings
from pipelines.warehouse import build, lake, project, publish
from pipelines.warehouse.reference import load_reference
from pipelines.warehouse.store import in_home


def main(home: Path) -> None:
    of, settings, clock = project.built_models(), Settings(home=home), SystemClock()
    with build.opened(home, of) as (con, _):
        load_reference(con, settings)
    answer(ready=True)
    for line in sys.stdin:
        asked = line.strip()
        began, cpu = time.perf_counter(), time.process_time()
        if asked == "build":
            held = list(lake.tables(in_home(home)).values())
            with build.opened(home, of) as (con, known):
                began, cpu = time.perf_counter(), time.process_time()
                built = build.build(con, known, of, settings, clock, nothing, nothing, held=held, validate=False)
                answer(seconds=time.perf_counter() - began, cpu=time.process_time() - cpu, rows=built.rows)
        elif asked == "publish":
            warehouse = build.folder_of(home) / project.WAREHOUSE
            publish.publish(home, warehouse, clock.now(), clock, progress=nothing, at=nothing)
            answer(seconds=time.perf_counter() - began, cpu=time.process_time() - cpu)
        elif asked == "tables":
            with build.opened(home, of) as (con, _):
                answer(tables={model.name: contents(con, model.name) for model in of if model.layer != "ods"})


def nothing(words: str) -> None:
    """Nobody watches."""


def answer(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
