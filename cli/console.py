"""How the command line speaks: progress and tables go to standard error, results and the last JSON line to standard output."""

import json

from rich.console import Console
from rich.markup import escape

from contracts.errors import ZhongtaiError

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False)


def last_line(**facts: object) -> None:
    """The machine-readable last line of a command, documented in docs/cli.md. Never wrapped, never coloured."""
    print(json.dumps(facts, ensure_ascii=False), flush=True)


def complain(error: ZhongtaiError) -> None:
    """What is wrong, and what to do next."""
    # Not wrapped: a command that is cut in two cannot be copied.
    err.print(f"[bold red]zhongtai:[/] {escape(error.wrong)}", soft_wrap=True)
    if error.do:
        err.print(f"  → {escape(error.do)}", soft_wrap=True)
