"""What a role may do beside reading its file: which live look-ups, and on which rows. From `reference/roles.yml` of the home."""

import threading
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from contracts.errors import BadInput
from onedata.roles import LIVE, Role, Roles, roles
from oneservice.problems import Problem
from oneservice.publication import OWNER


class Caller(NamedTuple):
    """Somebody whose token was good. `role` is its name; `defined` is None for the owner, who may see all."""

    token: str
    name: str
    role: str
    defined: Role | None

    def must(self, look_up: str) -> None:
        """Raises `Problem` 403 unless the role may make this live look-up (one of `onedata.roles.LIVE`)."""
        if self.defined is not None and look_up not in self.defined.live:
            do = f"Name {look_up} under `live` of the role in reference/roles.yml, or ask with another token."
            raise Problem(403, "not_allowed", f"The role {self.role} may not look up {look_up}.", do)

    def sees(self, columns: Mapping[str, str]) -> bool:
        """Whether a live record is among the role's rows: as in the role's file, told by the first column that it has."""
        rows = self.defined.rows if self.defined else None
        if rows is None:
            return True
        column = next((name for name in rows.columns if name in columns), None)
        return column is not None and columns[column] in rows.values


class Policy:
    """The roles as they are defined now; a changed file counts at once."""

    def __init__(self, home: Path) -> None:
        self._own = home / "reference" / "roles.yml"
        self._lock = threading.Lock()
        self._known: tuple[float, Roles] | None = None

    def caller(self, token: str, name: str, role: str) -> Caller:
        """Raises `Problem` 403 when the role is not defined any more."""
        defined = self.defined().roles
        if role != OWNER and role not in defined:
            do = f"Roles: {', '.join([*defined, OWNER])}. Make another token: zhongtai token add"
            raise Problem(403, "no_such_role", "The token's role is not defined any more.", do)
        return Caller(token, name, role, None if role == OWNER else defined[role])

    def defined(self) -> Roles:
        with self._lock:
            changed = self._own.stat().st_mtime if self._own.exists() else 0.0
            if self._known is None or self._known[0] != changed:
                self._known = (changed, self._read())
            return self._known[1]

    def _read(self) -> Roles:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError

        own = self._own.exists()
        text = self._own.read_text("utf-8") if own else (files("models") / "roles.yml").read_text("utf-8")
        try:
            return roles(YAML(typ="safe").load(text))
        except YAMLError:
            raise BadInput(f"{self._own} is not YAML.", "Mend it; docs/roles.md shows one.") from None


def check_role(policy: Policy, role: str) -> None:
    """Raises `BadInput` for a role that no token can have."""
    known = [*policy.defined().roles, OWNER]
    if role not in known:
        raise BadInput(f"There is no role {role}.", f"Roles: {', '.join(known)}.")


__all__ = ["LIVE", "Caller", "Policy", "check_role"]
