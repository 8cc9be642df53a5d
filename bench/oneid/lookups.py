"""How long until a steward's word shows in live look-ups: `make bench NAME=oneid-lookups` (`RULINGS=300`, `RATE=200`, `SEED=1`).

Rulings as `zhongtai member unmerge`, `forbid`, `allow` and `erase` write them, one after another, while calls of a web shop
go by. The real jobs run in one worker, and `zhongtai serve` answers as in production. A ruling's time begins when Kafka has
taken it, which is when the command would say so, and ends when `POST /v1/members/find` answers what the ruling demands.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import httpx
from confluent_kafka import Producer
from rich.console import Console
from rich.progress import track

from bench import cluster as cluster_
from bench.oneid.waits import waits
from bench.report import RESULTS, append, belongs
from cli.console import last_line
from connectors import topics
from connectors.clock import SystemClock
from connectors.keystore import Keystore
from connectors.settings import Settings
from contracts.behaviour import Behaviour
from contracts.errors import NotReady
from contracts.receipts import Origin, Token
from contracts.wire import encode
from oneid.identifiers import nid
from oneservice.tokens import Tokens
from pipelines.batch.faust_host import COMMIT_INTERVAL_S
from pipelines.members import rulings

JOBS = (
    "show_behaviour", "show_rulings", "resolve_members", "derive_behaviour_profiles", "derive_profile_erasures", "keep_profiles",
)  # fmt: skip
TENANT = "bench"
TYPES = ("login", "device", "cookie")
PARTITIONS = 4
LOOK_S = 0.01  # between two looks: less than the figure can tell apart
LIMIT_S = 30.0
START_S = 120.0  # the worker joins its groups, the service reads the map
BOUND = 10.0  # commit intervals
HERE = Origin("raw.ecommerce", 0, 0)
console = Console(stderr=True)


class Word(NamedTuple):
    """A ruling on a person, and what a look-up of the person's login must answer then: the types, or None for nobody."""

    kind: str
    person: int
    types: frozenset[str] | None


def main(environ: Mapping[str, str]) -> None:
    """Measures, and tells one JSON line: milliseconds, and the 99th percentile in commit intervals. Exit status 1 beyond ten."""
    count, rate = int(environ.get("RULINGS") or 300), int(environ.get("RATE") or 200)
    seed = int(environ.get("SEED") or 1)
    console.print(f"seed {seed}")
    folder = Path(tempfile.mkdtemp(prefix="zhongtai-bench-lookups-"))
    try:
        with cluster_.running(folder) as cluster:
            settings = Settings(home=folder / "ours", kafka=cluster.bootstrap, tenant=TENANT)
            settings.home.mkdir(parents=True)
            topics.apply(settings)
            with _worker(settings), _service(settings) as url, _asking(settings, url) as asking:
                found = measure(settings, asking, plan(count, random.Random(seed)), rate, random.Random(seed + 1))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    every = [taken for kind in found.values() for taken in kind]
    took = waits(every)
    for kind, taken in sorted(found.items()):
        console.print(f"{kind} × {len(taken)}: {waits(taken)}")
    line: dict[str, object] = {
        "bench": "oneid-lookups",
        "rulings": len(every),
        "rate": rate,
        **took.line(),
        "intervals_p99": round(took.intervals, 2),
    }
    append(line | belongs(), RESULTS / "oneid-lookups.jsonl")
    last_line(**line)
    if took.intervals > BOUND:
        sys.exit(1)


def plan(count: int, dice: random.Random) -> list[Word]:
    """So many rulings. A person is taken apart, in one of two ways; of these some are allowed again, and all are erased at last."""
    words: list[Word] = []
    for person in range(count):
        kind, apart = dice.choice([("unmerge", "device"), ("forbid", "cookie")])
        words.append(Word(f"{kind} {apart}", person, frozenset(TYPES) - {apart}))
        if dice.random() < 0.4:
            words.append(Word(f"allow {apart}", person, frozenset(TYPES)))
        words.append(Word("erase", person, None))
    return words[:count]


class Asking:
    """Live look-ups over HTTP, as a client of the service sends them."""

    def __init__(self, settings: Settings, client: httpx.Client) -> None:
        self._client = client
        store = Keystore(settings.home, SystemClock())
        self.key = store.tenant_key(settings.tenant)
        store.close()

    def types(self, person: int) -> frozenset[str] | None:
        """The types of the identifiers of whoever has the person's login; None for nobody."""
        answer = self._client.post("/v1/members/find", json={"type": "login", "value": _value("login", person)})
        if answer.status_code in (404, 503):  # 503: the service reads the map for the first time
            return None if answer.status_code == 404 else frozenset()
        answer.raise_for_status()
        return frozenset(one["type"] for one in answer.json()["identifiers"])

    def until(self, person: int, types: frozenset[str] | None, limit_s: float = LIMIT_S) -> float:
        """Asks until this is the answer; the moment (monotonic) at which it was."""
        limit = time.monotonic() + limit_s
        while time.monotonic() < limit:
            if self.types(person) == types:
                return time.monotonic()
            time.sleep(LOOK_S)
        raise NotReady("A look-up never showed what it must.", "Look at the worker and the service.")

    def nids(self, person: int) -> dict[str, str]:
        return {type: nid(self.key, type, _value(type, person)) for type in TYPES}


def measure(
    settings: Settings, asking: Asking, words: list[Word], rate: int, dice: random.Random
) -> dict[str, list[float]]:
    """Seconds from the acknowledgement of each ruling to the sight of it, by kind."""
    people = max(word.person for word in words) + 1
    producer = Producer({"bootstrap.servers": settings.bootstrap, "linger.ms": 2})
    found: dict[str, list[float]] = defaultdict(list)
    for person in range(people):
        _produce(producer, asking, person, f"first-{person}")
    producer.flush(30)
    for person in range(people):
        asking.until(person, frozenset(TYPES), START_S)
    store = Keystore(settings.home, SystemClock())
    stop = threading.Event()
    stream = threading.Thread(target=_stream, args=(producer, asking, people, rate, stop, dice.randrange(1 << 30)))
    stream.start()
    try:
        for word in track(words, "rulings", console=console):
            time.sleep(dice.random() * 3 * COMMIT_INTERVAL_S)  # in no step with the commits
            found[word.kind.partition(" ")[0]].append(_ruled(settings, asking, store, word))
    finally:
        stop.set()
        stream.join()
        store.close()
    return found


def _ruled(settings: Settings, asking: Asking, store: Keystore, word: Word) -> float:
    """Rules as the commands of `zhongtai member` do, and waits for the look-up."""
    steward = rulings.Steward(settings, "bench", "a measurement")
    nids = asking.nids(word.person)
    if word.kind == "erase":
        store.destroy(nids.values())
        said = [steward.erases(one) for one in nids.values()]
    else:
        kind, _, other = word.kind.partition(" ")
        # What is taken apart is forbidden beside both of the others, so that no chain through the third is left.
        said = [steward.forbids(nids[other], one) for type, one in nids.items() if type != other]
        said = [steward.takes_back(one) for one in said] if kind == "allow" else said
    rulings.send(settings, said)
    began = time.monotonic()
    return asking.until(word.person, word.types) - began


def _stream(producer: Producer, asking: Asking, people: int, rate: int, stop: threading.Event, seed: int) -> None:
    """Calls at an even rate: of the people who are ruled on, also after they were erased, and each tenth of somebody new."""
    dice = random.Random(seed)
    began, n = time.monotonic(), 0
    while not stop.is_set():
        while n < (time.monotonic() - began) * rate:
            person = people + n if n % 10 == 0 else dice.randrange(people)
            _produce(producer, asking, person, f"stream-{n}")
            n += 1
        producer.poll(0)
        time.sleep(0.005)
    producer.flush(30)


def _produce(producer: Producer, asking: Asking, person: int, id: str) -> None:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    shown = tuple(Token(type, one, "") for type, one in asking.nids(person).items())
    call = Behaviour(
        tenant=TENANT, event_id=f"bench-{id}", kind="page", name="Home", at=at, received_at=at, identifiers=shown, origin=HERE
    )  # fmt: skip
    producer.produce("event.behaviour", encode(call), call.event_id.encode(), person % PARTITIONS)


def _value(type: str, person: int) -> str:
    digest = sha256(f"{type} {person}".encode()).hexdigest()[:32]
    return f"user-{digest[:16]}" if type == "login" else digest


@contextmanager
def _asking(settings: Settings, url: str) -> Iterator[Asking]:
    tokens = Tokens(settings.home, settings.tenant, SystemClock())
    token, _ = tokens.add("bench", "owner", timedelta(hours=1))
    tokens.close()
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
        yield Asking(settings, client)


@contextmanager
def _worker(settings: Settings) -> Iterator[None]:
    with (settings.home / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.worker", *JOBS], env=_environment(settings), stdout=log, stderr=log
        )
    with _ended(process):
        yield


@contextmanager
def _service(settings: Settings) -> Iterator[str]:
    """`zhongtai serve` on a free port; its address."""
    with (settings.home / "service.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "serve", "--address", "127.0.0.1:0"],
            env=_environment(settings),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    with _ended(process):
        assert process.stdout
        told = next((line for line in process.stdout if line.startswith('{"service"')), "")
        if not told:
            raise NotReady("The service did not start.", "Look at its log.")
        yield json.loads(told)["service"]


@contextmanager
def _ended(process: "subprocess.Popen[bytes] | subprocess.Popen[str]") -> Iterator[None]:
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


def _environment(settings: Settings) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ZHONGTAI_")}
    return kept | {
        "ZHONGTAI_HOME": str(settings.home),
        "ZHONGTAI_KAFKA": settings.kafka,
        "ZHONGTAI_TENANT": settings.tenant,
    }
