"""`zhongtai oneid review`: uncertain pairs, shown to a person who answers."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.console import last_line
from connectors.clock import SystemClock
from contracts.errors import BadInput
from contracts.instants import spelt

app = typer.Typer(help="Uncertain pairs of a matching: look at them, and answer.", no_args_is_help=True)
QUEUE = Annotated[Path, typer.Argument(help="What `zhongtai oneid match --review` wrote.", metavar="UNCERTAIN")]
ANSWERS = Annotated[Path | None, typer.Option(help="The file of answers. Default: beside UNCERTAIN, .answers.jsonl.")]
WORDS = ("same", "different", "unsure")


@app.command("list")
def list_(
    queue: QUEUE,
    records: Annotated[Path | None, typer.Option(help="The file that was matched, to show its fields.")] = None,
    answers: ANSWERS = None,
    all: Annotated[bool, typer.Option("--all", help="Show pairs that are answered, too.")] = False,
    max_rows: Annotated[int, typer.Option(help="Pairs shown at most; 0 shows all.")] = 20,
    encoding: Annotated[str, typer.Option(help="The encoding of RECORDS.")] = "auto",
) -> None:
    """Show uncertain pairs, the most probable first, with both records side by side.

        zhongtai oneid review list uncertain.parquet --records members.csv

    Standard output: the last line, with how many are open and answered.
    """
    from pipelines.matching import files, review

    asked, _ = review.questions(queue)
    said = review.in_force(review.answers(answers or _beside(queue)))
    table = files.read(records, encoding) if records else None
    given = files.records(table, None, records) if table and records else None
    rows = dict(zip(given.ids, table.rows, strict=True)) if table and given else {}
    open_ = [q for q in asked if (min(q.a, q.b), max(q.a, q.b)) not in said]
    chosen = sorted(asked if all else open_, key=lambda q: (-q.probability, q.number))
    for q in chosen[: max_rows or None]:
        _show(q.number, q.probability, (q.a, q.b), rows, table.columns if table else [])
    last_line(
        review="ok", open=len(open_), answered=len(asked) - len(open_), shown=min(len(chosen), max_rows or len(chosen))
    )


@app.command()
def answer(
    queue: QUEUE,
    number: Annotated[int, typer.Argument(help="The pair's number in `review list`.")],
    word: Annotated[str, typer.Argument(help="same, different, or unsure (takes an answer back).")],
    by: Annotated[str, typer.Option(help="Who answers; it is kept with the answer.")],
    answers: ANSWERS = None,
    id_type: Annotated[str, typer.Option(help="The identifier type that a record's id is.")] = "erp_customer",
) -> None:
    """Answer one pair. The answer is a steward's fact: the next matching with --answers holds to it, whatever the model says.

    zhongtai oneid review answer uncertain.parquet 3 same --by wang\n
    zhongtai oneid match members.csv --out pairs.parquet --answers uncertain.answers.jsonl
    """
    from pipelines.matching import review

    asked, model = review.questions(queue)
    if word not in WORDS:
        raise BadInput(f"There is no answer {word}.", f"Answers: {', '.join(WORDS)}.")
    if not 1 <= number <= len(asked):
        raise BadInput(f"There is no pair {number}.", f"{queue} has pairs 1 to {len(asked)}.")
    at = spelt(SystemClock().now())
    given = review.answered(
        answers or _beside(queue), asked[number - 1], word, by=by, at=at, id_type=id_type, model=model  # type: ignore[arg-type]
    )  # fmt: skip
    last_line(review="ok", answer=word, kind=given.kind, stands=given.stands, seq=given.seq)


def _beside(queue: Path) -> Path:
    return queue.with_suffix(".answers.jsonl")


def _show(
    number: int, probability: float, ids: tuple[str, str], rows: dict[str, list[str]], columns: list[str]
) -> None:
    table = Table(title=f"{number}: {probability:.3f}", title_justify="left", box=None, show_header=False)
    told = [rows.get(id, []) for id in ids]
    if not all(told):
        table.add_row(Text("id"), *(Text(id) for id in ids))
    for i, column in enumerate(columns if all(told) else []):
        same = told[0][i] == told[1][i]
        table.add_row(Text(column), *(Text(row[i], style="" if same else "bold") for row in told))
    Console(stderr=True).print(table, "")
