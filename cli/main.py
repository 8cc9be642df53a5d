"""`zhongtai`: one command for people. Each command lives in the file of its name; this one only puts them together."""

import sys

import typer

from cli import (
    backup,
    demo,
    dlq,
    forecast,
    ingest,
    member,
    oneid,
    rebuild,
    receive,
    run,
    segments,
    serve,
    sql,
    token,
    topics,
    trace,
    twin,
    up,
    verify,
    worker,
)
from cli.console import complain, err
from contracts.errors import ZhongtaiError

app = typer.Typer(
    name="zhongtai",
    help="""A stream-processing retail data middle platform (零售数据中台).

    Receipts go into Kafka, streaming jobs turn them into stock and sales within seconds, and you ask in SQL.

    Begin with: zhongtai demo
    """,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command(rich_help_panel="Begin")(demo.demo)
app.command(rich_help_panel="Begin")(up.up)
app.command(rich_help_panel="Begin")(up.status)
app.command(rich_help_panel="Begin")(up.down)
app.command(rich_help_panel="Work")(ingest.ingest)
app.command(rich_help_panel="Work")(receive.receive)
app.command(rich_help_panel="Work")(run.run)
app.command(rich_help_panel="Work")(rebuild.rebuild)
app.command(rich_help_panel="Work")(worker.worker)
app.command(rich_help_panel="Work")(backup.backup)
app.command(rich_help_panel="Work")(backup.restore)
app.command(rich_help_panel="Ask")(sql.sql)
app.command(rich_help_panel="Ask")(forecast.forecast)
app.command(rich_help_panel="Ask")(trace.trace)
app.command(rich_help_panel="Ask")(verify.verify)
app.command(rich_help_panel="Ask")(serve.serve)
app.add_typer(token.app, name="token", rich_help_panel="Ask")
app.add_typer(receive.app, name="credentials", rich_help_panel="Work")
app.add_typer(dlq.app, name="dlq", rich_help_panel="Work")
app.add_typer(topics.app, name="topics", rich_help_panel="Work")
app.add_typer(member.app, name="member", rich_help_panel="Ask")
app.add_typer(oneid.app, name="oneid", rich_help_panel="Ask")
app.add_typer(segments.app, name="segments", rich_help_panel="Ask")
app.add_typer(twin.app, name="twin", rich_help_panel="Begin")


def main() -> None:
    """The console script. A user's mistake ends in two lines and an exit status, never in a traceback."""
    try:
        app()
    except ZhongtaiError as error:
        complain(error)
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        err.print("Interrupted.")
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has seen enough (`zhongtai sql … | head`).
        sys.stderr.close()
        sys.exit(141)


if __name__ == "__main__":
    main()
