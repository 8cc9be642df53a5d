"""Kafka's jars: fetched once for this user, checked against `jars.txt` at every start.

`jars.txt` is a lock file. jgo downloads exactly what it lists and resolves nothing, so a fetch needs a third of the
time, no search of the dependency graph, and no Java (jgo's own environments ask a code host for one, to sort modular
jars from plain ones).
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from connectors.processes import lock
from contracts.errors import Corrupt, NotReady

KAFKA = "4.3.1"
LIST = Path(__file__).with_name("jars.txt")
FETCHERS = 8
TRIES = 3

Progress = Callable[[int, int], None]


class Jar(msgspec.Struct, frozen=True):
    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


def listed(text: str) -> tuple[Jar, ...]:
    """The jars that a list names: `group:artifact:version sha256`, one a line; `#` starts a comment."""
    rows = (line.split("#")[0].split() for line in text.splitlines())
    parts = ((*row[0].split(":"), row[1]) for row in rows if row)
    return tuple(Jar(group, artifact, version, sha) for group, artifact, version, sha in parts)


def verify(folder: Path, jars: tuple[Jar, ...], remedy: str = "") -> list[Path]:
    """The jars of a folder, in the list's order. Raises `Corrupt` unless it holds exactly those that are listed."""
    remedy = remedy or f"Delete {folder} and start again: the jars will be fetched anew."
    found = {path.name for path in folder.iterdir()}
    if unlisted := sorted(found - {jar.file for jar in jars}):
        raise Corrupt(f"Not a listed part of Kafka: {', '.join(unlisted)}.", remedy)
    for jar in jars:
        if jar.file not in found:
            raise Corrupt(f"A part of Kafka is missing: {jar.file}.", remedy)
        if sha256(folder / jar.file) != jar.sha256:
            raise Corrupt(f"{jar.file} is not the file that jars.txt lists (its SHA-256 differs).", remedy)
    return [folder / jar.file for jar in jars]


def folder_of(text: str) -> Path:
    """Where the jars of a list live: shared by all homes of this user. Another list is another folder."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "zhongtai" / f"kafka-{KAFKA}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def ensure_jars(progress: Progress | None = None) -> list[Path]:
    """Kafka's verified jars, for the class path. Needs the network the first time only; two callers at once do no harm.

    `progress(done, all)` is called while jars are fetched, from several threads.
    Raises `NotReady` when a jar cannot be fetched, `Corrupt` when one is not what the list says.
    """
    text = LIST.read_text()
    folder, jars = folder_of(text), listed(text)
    if not folder.exists():
        with lock(folder.parent / "fetch.lock", wait=True):
            # Who waited here finds what the other fetched.
            if not folder.exists():
                _fetch(jars, folder, progress)
    return verify(folder, jars)


def _fetch(jars: tuple[Jar, ...], folder: Path, progress: Progress | None) -> None:
    """Fill `folder`, which appears whole and verified or not at all."""
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=folder.parent) as work:
        fresh = Path(work) / "jars"
        fresh.mkdir()
        _download(jars, Path(work) / "repository", fresh, progress)
        verify(fresh, jars, "The registry, or a mirror of it, served another file. Nothing of it was kept.")
        fresh.rename(folder)


def _download(jars: tuple[Jar, ...], repository: Path, into: Path, progress: Progress | None) -> None:
    from jgo.config import GlobalSettings
    from jgo.maven import MavenContext

    # Mirrors named in the user's jgo configuration are asked first.
    own = GlobalSettings.load().repositories
    context = MavenContext(repo_cache=repository, local_repos=[], timeout=30)
    context.remote_repos = {**own, **context.remote_repos}
    done: list[Jar] = []

    def one(jar: Jar) -> None:
        artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
        _patiently(artifact.resolve, artifact.cached_path, jar).rename(into / jar.file)
        done.append(jar)
        if progress:
            progress(len(done), len(jars))

    with ThreadPoolExecutor(FETCHERS) as threads:
        list(threads.map(one, jars))


def _patiently(resolve: Callable[[], Path], path: Path | None, jar: Jar) -> Path:
    wrong = ""
    for _ in range(TRIES):
        try:
            return resolve()
        except (OSError, RuntimeError) as error:  # requests' errors are OSErrors
            wrong = type(error).__name__
            # jgo writes in place: what a broken connection left would pass for the jar at the next try.
            if path:
                path.unlink(missing_ok=True)
    raise NotReady(
        f"{jar.file} cannot be fetched from the registry ({wrong}).",
        "Check the network. Behind a mirror: name it under [repositories] in jgo's configuration file.",
    )


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
