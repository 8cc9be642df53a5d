"""`event.member_change` → `event.tag_input`: identifiers that change hands may change the tags of both. No state."""

from contracts.member_map import MemberChange
from contracts.tags import of_change
from pipelines.deriving import deriving
from pipelines.tags import output

JOB = deriving("tell_member_changes", "event.member_change", MemberChange, lambda change, _: of_change(change), output)
