"""`event.ruling` → `event.identity`: a steward's word takes its place in the order of the evidence."""

from collections.abc import Sequence

from contracts.evidence import Ruling
from oneid.showing import of_ruling
from pipelines.batch import Effects, Job, decoded
from pipelines.identity.showing import output


def step(_: object, words: Sequence[Ruling]) -> Effects:
    return Effects({}, [output(said) for word in words for said in of_ruling(word)])


JOB = Job(name="show_rulings", inputs=("event.ruling",), prepare=decoded(Ruling), step=step)
