"""The official client against everything: `python -m tests.chaos.segment.run --calls 10000 --seed 1`.

A whole installation (broker, worker, receiver) in a temporary home; Segment's Python library, unchanged, sends to it. Meanwhile
the receiver is killed or stopped, and the broker and the worker are killed, at seeded moments. Then each call that the library
took must be in `event.behaviour` once, and nothing else. The last line of stdout is the result as JSON; the exit status is 1
unless it holds.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from rich.console import Console

from connectors.kafka import read
from contracts.behaviour import Behaviour, event_id
from contracts.errors import NotReady
from contracts.wire import decoder
from tests.chaos.segment.receiver import Receiver, Sender
from tests.installation import Installation, running

PATIENCE_S = 600
say = Console(stderr=True, highlight=False).print
# How often in a thousand calls. Of the receiver's ends, some are polite.
FAULTS = {"receiver killed": 0.4, "receiver stopped": 0.3, "broker killed": 0.3, "worker killed": 0.2}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.segment.run")
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--per-second", type=float, default=100.0)
    wanted = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="zhongtai-segment-") as folder, running(Path(folder) / "home") as place:
        (place.home / "reference").mkdir(exist_ok=True)
        (place.home / "reference" / "products-1.jsonl").write_text("")
        key = place.zhongtai("credentials", "set", "segment", "web", "--new").last["secret"]
        receiver = Receiver(place.environment)
        receiver.start()
        try:
            sender = Sender(receiver.at, key, wanted.calls, wanted.per_second, gzip=wanted.seed % 2 == 0)
            sender.start()
            faults = _storm(place, receiver, sender, wanted.seed, wanted.calls / wanted.per_second)
            sender.finish()
        finally:
            receiver.end(signal.SIGKILL)
        _settle(place)
        result = _judged(place, sender, wanted.calls)
    result |= {"faults": faults, "seed": wanted.seed, "seconds": round(time.monotonic() - started, 1)}
    print(json.dumps({"chaos": "segment"} | result))
    return int(result["violations"] > 0)


def _storm(place: Installation, receiver: Receiver, sender: Sender, seed: int, seconds: float) -> dict[str, int]:
    dice = random.Random(seed)
    thousands = seconds * 100 / 1000
    plan = sorted(
        (dice.uniform(0.02, 0.98) * seconds, fault)
        for fault, share in FAULTS.items()
        for _ in range(max(1, round(share * thousands)))
    )
    began = time.monotonic()
    for at, fault in plan:
        time.sleep(max(0.0, began + at - time.monotonic()))
        say(f"{time.monotonic() - began:6.1f} s  {fault}; {len(sender.ids)} calls taken")
        if fault.startswith("receiver"):
            receiver.end(signal.SIGKILL if fault.endswith("killed") else signal.SIGTERM)
            time.sleep(dice.uniform(0, 2))
            receiver.start()
        else:
            _kill(place, fault.split()[0])
    return dict(Counter(fault for _, fault in plan))


def _kill(place: Installation, child: str) -> None:
    """Kills a child of the supervisor, which starts it again."""
    try:
        os.kill(place.pid(child), signal.SIGKILL)
    except (AssertionError, ProcessLookupError, NotReady):
        say(f"         the {child} was down already")


def _settle(place: Installation) -> None:
    """Waits for the jobs; also for a broker that a busy machine brings back slowly."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return place.settle()
        except NotReady:
            if time.monotonic() > until:
                raise


def _judged(place: Installation, sender: Sender, calls: int) -> dict[str, object]:
    settings = place.settings
    decode = decoder(Behaviour)
    counted: Counter[str] = Counter()
    refused = raw = 0
    for _, messages, _ in read(settings, "event.behaviour"):
        counted.update(decode(m.value()).event_id for m in messages if m.key() != b"tick")
    for _, messages, _ in read(settings, "dlq.ecommerce"):
        refused += len(messages)
    for _, messages, _ in read(settings, "raw.ecommerce"):
        raw += len(messages)
    sent = {event_id(settings.tenant, id) for id in sender.ids}
    missing, strangers = len(sent - counted.keys()), len(counted.keys() - sent)
    twice = sum(1 for n in counted.values() if n > 1)
    dropped = sum(n for _, n in sender.dropped)
    violations = missing + strangers + twice + refused + dropped + (len(sent) != calls)
    told = {"calls": calls, "counted": len(counted), "missing": missing, "twice": twice, "strangers": strangers}
    return told | {"refused": refused, "dropped": dropped, "sent_again": raw - calls, "violations": violations}


if __name__ == "__main__":
    sys.exit(main())
