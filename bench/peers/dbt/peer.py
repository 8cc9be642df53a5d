"""dbt-duckdb, in an environment and a process of its own, asked line by line: `python peer.py FOLDER`.

FOLDER holds a dbt project (bench/marts/dbt_project.py wrote it). Answers each line with a line of JSON, as bench/marts/ours.py
does: `build` is a full refresh, `build 2026-11-19,2026-11-20` what falls on these days. The project is parsed before the first.
"""

import json
import os
import sys
import time
from pathlib import Path


def main(folder: Path) -> None:
    os.chdir(folder)
    os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
    from dbt.cli.main import dbtRunner

    common = ["--project-dir", str(folder), "--profiles-dir", str(folder), "--quiet", "--no-use-colors"]
    parsed = dbtRunner().invoke(["parse", *common])
    if not parsed.success:
        raise SystemExit(str(parsed.exception))
    runner = dbtRunner(manifest=parsed.result)
    answer(ready=True)
    for line in sys.stdin:
        asked, _, days = line.strip().partition(" ")
        began, cpu = time.perf_counter(), time.process_time()
        if asked == "build":
            how = ["--vars", json.dumps({"days": days.split(",")})] if days else ["--full-refresh"]
            done = runner.invoke(["run", *common, *how])
            if not done.success:
                raise SystemExit(f"dbt failed: {done.exception or [(r.node.name, r.message) for r in done.result]}")
            answer(seconds=time.perf_counter() - began, cpu=time.process_time() - cpu)
        elif asked == "tables":
            answer(tables=tables(folder))


def tables(folder: Path) -> dict[str, list[object]]:
    import duckdb

    found: dict[str, list[object]] = {}
    with duckdb.connect(str(folder / "marts.duckdb")) as con:
        con.execute("SET TimeZone = 'UTC'")
        for (table,) in con.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database()"
        ).fetchall():
            columns = sorted(name for name, *_ in con.execute(f"DESCRIBE {table}").fetchall())
            shown = ", ".join(f'"{name}"' for name in columns)
            row = con.execute(f"SELECT count(*), coalesce(bit_xor(hash({shown})), 0)::VARCHAR FROM {table}").fetchone()  # noqa: S608
            found[table] = list(row or ())
    return found


def answer(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
