"""`event.ruling` → `event.profile_fact`: what an erasure takes away. Other rulings move profiles by moving identifiers."""

from contracts.evidence import Ruling
from oneid.contributions import erased
from pipelines.deriving import deriving
from pipelines.profiles import output

JOB = deriving(
    "derive_profile_erasures",
    "event.ruling",
    Ruling,
    lambda said, _: [erased(said.tenant, said.id, said.a, said.at)] if said.kind == "erase" else (),
    output,
)
