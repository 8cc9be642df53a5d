"""`zhongtai oneid match`: pairs of records that speak of one person."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cli.console import err, last_line
from connectors import atomic
from connectors.clock import SystemClock
from contracts.errors import BadInput
from contracts.instants import spelt


def match(
    records: Annotated[Path, typer.Argument(help="CSV or Parquet with a header, a record a line.", metavar="RECORDS")],
    out: Annotated[Path, typer.Option(help="Where the pairs go: Parquet with id_a, id_b, probability.")],
    mapping: Annotated[
        Path | None, typer.Option(help="YAML that says which column holds what. Needless for obvious column names.")
    ] = None,
    review: Annotated[
        Path | None, typer.Option(help="Where uncertain pairs go, for people to decide: Parquet.")
    ] = None,
    answers: Annotated[
        Path | None,
        typer.Option(help="What people answered (`zhongtai oneid review answer`); it holds against the model."),
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(help="Where evidence for `zhongtai oneid resolve` goes: JSON lines, with values in clear."),
    ] = None,
    id_type: Annotated[
        str, typer.Option(help="For --events: the identifier type that a record's id is.")
    ] = "erp_customer",
    model_version: Annotated[int, typer.Option(help="For --events: a newer version replaces older scores.")] = 1,
    encoding: Annotated[str, typer.Option(help="The CSV's encoding. auto: UTF-8, else GB18030.")] = "auto",
    seed: Annotated[int, typer.Option(help="Draws the random pairs that the model learns strangers from.")] = 1,
) -> None:
    """Find the pairs of records that speak of one person. No labels, no tuning: the file itself teaches the model.

    Names may be Chinese or Western, misspelt, in pinyin, traditional, with titles; phone numbers may be masked;
    addresses in one column or many. Families who share phone and address stay apart.

        zhongtai oneid match members.csv --out pairs.parquet\n
        zhongtai oneid match export.csv --out pairs.parquet --mapping map.yml --review uncertain.parquet

    A mapping (map.yml), when columns have other names than id, name, phone, email, address, birth_date, gender:

        columns: {id: 会员编码, name: 客户, phone: 联系方式}\n
        region: CN

    The pairs written are those that the model takes for one person; their probability is its own, and the
    threshold was chosen without labels. docs/oneid-matching.md has the roles, and says how it works.

    Exit status: 0 done, 2 the file or the mapping cannot be used.
    """
    from pipelines.matching import evidence, files
    from pipelines.matching import review as reviewed
    from pipelines.matching.run import match as matched

    table = files.read(records, encoding)
    for path in (out, review, events):
        if path and not path.parent.is_dir():
            raise BadInput(f"There is no folder {path.parent}.", "Make it first.")
    if not 1 <= model_version <= 65535:
        raise BadInput("A model version is a number from 1 to 65535.", "Count them up: --model-version 2")
    given = files.records(table, files.mapping_file(mapping) if mapping else None, records)
    err.print(f"{len(given.ids):,} records, read as {table.encoding.upper()}: " + ", ".join(
        f"{role} = {column}" for role, column in given.mapping.columns.items()), markup=False, soft_wrap=True)  # fmt: skip
    unused = [c for c in table.columns if c not in given.mapping.columns.values()]
    if unused:
        err.print(f"Not used: {', '.join(unused)}", markup=False, soft_wrap=True)
    said = reviewed.places(reviewed.in_force(reviewed.answers(answers)), given.ids) if answers else {}
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=err) as progress:
        task = progress.add_task("matching", total=1.0)
        found = matched(
            given.records, given.mapping.region, seed=seed, said=said,
            told=lambda what, done: progress.update(task, description=what, completed=done),
        )  # fmt: skip
    facts = {"threshold": f"{found.threshold:.6f}", "model": found.version, "records": str(len(given.ids))}
    files.write_pairs(out, given.ids, found.pairs, facts)
    if review:
        files.write_pairs(review, given.ids, found.uncertain, facts)
    if events:
        told = evidence.events(
            given.ids, given.records, found.pairs, at=spelt(SystemClock().now()), region=given.mapping.region,
            id_type=id_type, version=model_version,
        )  # fmt: skip
        atomic.write(events, evidence.lines(told))
    last_line(
        match="ok", records=len(given.ids), pairs=len(found.pairs), uncertain=len(found.uncertain), candidates=found.candidates,
        threshold=round(found.threshold, 6), model=found.version, encoding=table.encoding,
    )  # fmt: skip
