"""The location reference file: `locations-<version>.jsonl`, one location a line, as docs/feeds/wms.md describes it.

{"location": "DC1", "kind": "warehouse", "glns": ["6901234000016"], "name": "Distribution centre"}
"""

import re
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from connectors.settings import Settings
from contracts.errors import BadInput
from contracts.gs1 import is_whole
from contracts.locations import NOWHERE, Location, Locations
from contracts.pos import Name

_FILE = re.compile(r"locations-(\d{1,9})\.jsonl\Z")
_GLN = re.compile(r"([0-9]{13})(\.[^\s.|]{1,20})?\Z")
_MEND = "Mend the line, save the file under the next version number, and try again."


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    location: Name
    kind: Literal["store", "warehouse"]
    glns: tuple[str, ...] = ()
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""


def load_locations(settings: Settings) -> Locations:
    """The locations of the file that the settings name, or of the newest version in `<home>/reference/`.

    Without a file nothing is ours: every event then tells of somebody else's goods. Raises `BadInput` with the line number
    for a line that cannot be used, and for a location or a GLN that is there twice.
    """
    path = _file(settings)
    if path is None:
        return NOWHERE
    found = _FILE.match(path.name)
    if found is None:
        raise BadInput(
            f"The name of the location file {path} does not tell its version.",
            "Name it locations-<number>.jsonl, such as locations-7.jsonl.",
        )
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise BadInput(
            f"The location file {path} cannot be read: {error.strerror}.", "Check its permissions."
        ) from None
    return Locations(int(found.group(1)), _indexed(path, lines))


def _file(settings: Settings) -> Path | None:
    if settings.locations:
        path = Path(settings.locations)
        if not path.is_file():
            raise BadInput(f"There is no location file {path}.", "Check ZHONGTAI_LOCATIONS.")
        return path
    folder = settings.home / "reference"
    found = [(int(m.group(1)), path) for path in folder.glob("locations-*.jsonl") if (m := _FILE.match(path.name))]
    return max(found)[1] if found else None


def _indexed(path: Path, lines: list[bytes]) -> dict[str, Location]:
    read = msgspec.json.Decoder(_Written).decode
    by_gln: dict[str, Location] = {}
    codes: set[str] = set()
    for n, line in enumerate(lines, 1):
        if not line or line.isspace():
            continue
        try:
            written = read(line)
        except (ValueError, msgspec.DecodeError) as error:
            raise BadInput(f"{path}:{n}: {error}.", _MEND) from None
        if written.location in codes:
            raise BadInput(f"{path}:{n}: location {written.location} is there twice.", _MEND)
        codes.add(written.location)
        for gln in written.glns:
            whole = _GLN.match(gln)
            if whole is None or not is_whole(whole.group(1)):
                raise BadInput(
                    f"{path}:{n}: {gln} is no GLN: 13 digits with their check digit, and .<extension> for a part.",
                    _MEND,
                )
            if gln in by_gln:
                raise BadInput(f"{path}:{n}: GLN {gln} is there twice; the other is {by_gln[gln].location}.", _MEND)
            by_gln[gln] = Location(written.location, written.kind, written.glns, written.name)
    return by_gln
