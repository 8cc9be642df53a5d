"""The peers: how each is built, outside the repository, and the command that runs it, its `Setup` being the last argument.

A peer that cannot be built here is left out, and the run says why.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import msgspec

from contracts.errors import NotReady

HERE = Path(__file__).parent / "peers"
QUIX = "quixstreams==3.28.0"
DBT = "dbt-duckdb==1.11.1"
JVM = "-Xms2g -Xmx2g -XX:+UseParallelGC"


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """`options` go to the peer's process as they are; `env` is added to its environment."""

    name: str
    command: list[str]
    options: dict[str, str] = {}
    env: dict[str, str] = {}


def build(name: str, cache: Path) -> Peer:
    """A peer, ready to run. Raises `NotReady` when something that it needs is missing."""
    return BUILDERS[name](cache)


def _zhongtai(_: Path) -> Peer:
    return Peer(name="zhongtai", command=[sys.executable, "-m", "bench.peers.zhongtai.worker"])


def _product(_: Path) -> Peer:
    command = [sys.executable, "-m", "bench.peers.zhongtai.worker"]
    return Peer(name="product", command=command, options={"job": "product"})


def _faust_table(_: Path) -> Peer:
    return Peer(name="faust_table", command=[sys.executable, str(HERE / "faust_table" / "app.py")])


def bare_faust() -> list[str]:
    """The smallest Faust worker: the yardstick of a start."""
    return [sys.executable, str(HERE / "faust_table" / "bare.py")]


def _quixstreams(cache: Path) -> Peer:
    """In an environment of its own: it wants an older client than ours."""
    python = _environment(cache, QUIX)
    return Peer(name="quixstreams", command=[str(python), str(HERE / "quixstreams" / "app.py")])


def dbt_python(cache: Path) -> Path:
    """Python with dbt-duckdb, in an environment of its own: its packages do not agree with ours."""
    return _environment(cache, DBT, "dbt-core<1.12", f"duckdb=={version('duckdb')}")


def _environment(cache: Path, package: str, *beside: str) -> Path:
    """The Python of an environment that holds a package, made when it is not there yet."""
    folder = cache / package.replace("==", "-")
    python = folder / "bin" / "python"
    if not (folder / "done").exists():
        uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
        if not Path(uv).exists():
            raise NotReady(f"{package} needs uv to be installed.", "make install")
        _run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)])
        _run([uv, "pip", "install", "--quiet", "--python", str(python), package, *beside])
        (folder / "done").touch()
    return python


def _kafka_streams(cache: Path) -> Peer:
    """Built by Maven whenever its sources are newer than the jar. Needs a JDK of 17 or later."""
    java, maven = shutil.which("java"), shutil.which("mvn")
    if java is None or maven is None or shutil.which("javac") is None:
        raise NotReady("kafka_streams needs java, javac and mvn on the PATH.", "Install a JDK (17+) and Maven.")
    source, folder = HERE / "kafka_streams", cache / "kafka_streams"
    jar = folder / "kafka-streams-peer.jar"
    newest = max(path.stat().st_mtime for path in source.rglob("*") if path.is_file())
    if not jar.exists() or jar.stat().st_mtime < newest:
        _run([maven, "-q", "-B", "-f", str(source / "pom.xml"), f"-DbuildDirectory={folder}", "package"])
    classes = os.pathsep.join((str(jar), str(folder / "lib" / "*")))
    flags = os.environ.get("BENCH_JVM", JVM).split()
    options = dict(pair.split("=") for pair in os.environ.get("BENCH_KS", "").split(",") if pair)
    return Peer(name="kafka_streams", command=[java, *flags, "-cp", classes, "bench.StockPeer"], options=options)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise NotReady(
            f"{command[0]} failed:\n{(done.stdout + done.stderr)[-1500:]}", "Check the network, and try again."
        )


BUILDERS: dict[str, Callable[[Path], Peer]] = {
    "zhongtai": _zhongtai,
    "kafka_streams": _kafka_streams,
    "quixstreams": _quixstreams,
    "faust_table": _faust_table,
    "product": _product,
}


def versions() -> dict[str, str]:
    """What the figures belong to."""
    found = {name: version(name) for name in ("faust-streaming", "aiokafka", "confluent-kafka", "msgspec")}
    pom = (HERE / "kafka_streams" / "pom.xml").read_text()
    found["kafka-streams"] = pom.split("<artifactId>kafka-streams</artifactId>")[1].split("<version>")[1].split("<")[0]
    found["quixstreams"] = QUIX.split("==")[1]
    found["python"] = ".".join(map(str, sys.version_info[:3]))
    return found | _java_version()


def _java_version() -> dict[str, str]:
    java = shutil.which("java")
    if java is None:
        return {}
    said = subprocess.run([java, "-version"], check=False, capture_output=True, text=True).stderr
    return {"java": said.split('"')[1] if '"' in said else said.strip()}
