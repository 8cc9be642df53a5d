"""`event.behaviour` → `event.profile_fact`: what each call adds to the identifiers on it. No state: calls come once."""

from contracts.behaviour import Behaviour
from pipelines.deriving import deriving
from pipelines.profiles import contributor, output

_says = contributor()
JOB = deriving(
    "derive_behaviour_profiles", "event.behaviour", Behaviour, lambda call, _: _says.of_behaviour(call), output
)
