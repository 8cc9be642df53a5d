"""`zhongtai worker`: one more worker process, in the foreground."""

from typing import Annotated

import typer


def worker(
    jobs: Annotated[
        list[str] | None, typer.Argument(help="The jobs to run; all, if none is named.", metavar="[JOB]…")
    ] = None,
    slot: Annotated[str, typer.Option(help="This worker's place; unique among live workers. `up` runs slot 0.")] = "1",
) -> None:
    """Run stream jobs here until Ctrl-C, beside the worker that `zhongtai up` keeps.

    Workers share the partitions of each job. One may join, leave or be killed at any moment: every record still counts
    once. Start as many as there are partitions, at most:

        zhongtai worker --slot 1\n
        zhongtai worker --slot 2 keep_stock_levels
    """
    from pipelines.worker import work

    work(jobs or [], slot)
