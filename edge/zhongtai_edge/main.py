"""`zhongtai-edge`: the outbox for people and scripts. The last line of standard output is JSON; everything else is on stderr."""

from __future__ import annotations

import argparse
import json
import logging
import random
import signal
import sqlite3
import sys
import threading
from pathlib import Path
from typing import Any, Callable

from zhongtai_edge import watching
from zhongtai_edge.config import Config
from zhongtai_edge.errors import BadInput, EdgeError
from zhongtai_edge.outbox import LARGEST, Outbox
from zhongtai_edge.records import LANES

WAITING = 3
CORRUPT = 7
DEFAULT_HOME = "/var/lib/zhongtai-edge"

ABOUT = """\
An outbox for a shop's back office. What is appended survives power cuts and offline days; `run` sends it to the
platform's Kafka, payments and stock before behaviour, until the centre has confirmed it.

  zhongtai-edge init --store S001 --tenant demo --kafka kafka.example.com:9092
  zhongtai-edge run --watch /var/till/receipts      (leave it running: a service)
  zhongtai-edge status

Exit status: 0 done; 2 the input cannot be used; 3 records wait to be sent (status, run --once); 5 the disk budget
is used up, nothing was taken; 6 the outbox cannot be opened; 7 it is corrupt (verify). Offline is no failure: it waits.
"""
APPEND = """\
Reads standard input, one record a line, and appends it. A line that was counted in the last line of standard output is
durable. Killed before it ended, it may have taken some of the lines: send all of them again; the centre takes each
receipt once.

  zhongtai-edge append < receipts.jsonl
  zhongtai-edge append --lane behaviour < visits.jsonl
  zhongtai-edge append --whole --format poslog < transaction.xml
"""
RUN = """\
Sends until it is told to stop (SIGTERM, Ctrl-C). Offline it keeps everything and tries again by itself, up to a minute
apart. With --watch it also takes every new line of FOLDER/*.jsonl, each once, as the till writes it.
"""
STATUS = """\
Says what waits, by lane: appended, waiting (not yet acknowledged), unconfirmed (Kafka has it, the centre has not said so),
shed (given up because the disk budget was used up; behaviour only), lost (known to be destroyed by corruption).
"""
VERIFY = """\
Reads every record and its checksum. With --salvage a corrupt outbox is put aside, what can be read is copied, and it goes
on under a new epoch; `run` and `append` do the same by themselves.
"""


def main(arguments: list[str] | None = None) -> None:
    given = _parser().parse_args(arguments)
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # its outages are told by us, once
    try:
        sys.exit(given.command(given))
    except EdgeError as error:
        sys.stderr.write(f"zhongtai-edge: {error.wrong}\n  → {error.do}\n")
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        sys.exit(130)


def _parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(
        "zhongtai-edge", description=ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    whole.add_argument(
        "--home", type=Path, default=Path(DEFAULT_HOME), help="the outbox's folder (default: %(default)s)"
    )
    commands = whole.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, does: str, text: str, run: Callable[[Any], int]) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name, help=does, description=text, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        made.set_defaults(command=run)
        return made

    init = command(
        "init",
        "make an outbox, or change its settings",
        "Writes <home>/edge.json. Repeating it changes settings.",
        _init,
    )
    init.add_argument("--store", required=True, help="this shop's code, as the centre knows it")
    init.add_argument("--tenant", required=True)
    init.add_argument("--kafka", required=True, metavar="HOST:PORT[,…]")
    init.add_argument(
        "--rate", type=float, default=500, help="records a second at most, catching up included (%(default)s)"
    )
    init.add_argument("--budget-mb", type=float, default=512, help="of the disk (%(default)s)")
    init.add_argument("--keep-days", type=float, default=14, help="hold what the centre never confirmed (%(default)s)")
    init.add_argument(
        "--grace-s", type=float, default=30, help="before a gap that the centre sees is answered (%(default)s)"
    )
    init.add_argument("--heartbeat-s", type=float, default=60, help="between two signs of life (%(default)s)")
    init.add_argument("--security", default="PLAINTEXT", choices=["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"])
    init.add_argument("--sasl-mechanism", default="", help="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")
    init.add_argument("--sasl-user", default="", help="the password comes from ZHONGTAI_EDGE_SASL_PASSWORD")
    init.add_argument("--ca", default="", help="a file with the certificate authority of the cluster")
    append = command("append", "take records from standard input", APPEND, _append)
    _lane(append)
    append.add_argument("--whole", action="store_true", help="standard input is one record, not lines")
    run = command("run", "send, until told to stop", RUN, _run)
    run.add_argument("--once", action="store_true", help="end when nothing waits to be sent")
    run.add_argument("--watch", type=Path, metavar="FOLDER", help="also take new lines of FOLDER/*.jsonl")
    _lane(run)
    watch = command(
        "watch", "take what is new in a folder, once", "Takes every new whole line of FOLDER/*.jsonl, and ends.", _watch
    )
    watch.add_argument("folder", type=Path, metavar="FOLDER")
    _lane(watch)
    command("status", "what waits, and how full the disk budget is", STATUS, _status)
    command("verify", "read everything, checksums included", VERIFY, _verify).add_argument(
        "--salvage", action="store_true"
    )
    return whole


def _lane(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--lane", choices=[lane.name for lane in LANES], default="payments", help="(default: %(default)s)"
    )
    parser.add_argument("--format", default="", help="how a record is written (default: the lane's usual format)")


def _init(given: Any) -> int:
    names = ("tenant", "store", "kafka", "rate", "budget_mb", "keep_days", "grace_s", "heartbeat_s", "security")
    fields = {name: getattr(given, name) for name in (*names, "sasl_mechanism", "sasl_user", "ca")}
    config = Config.checked(given.home, fields)
    before = given.home / "edge.json"
    if before.exists() and Config.read(given.home)[1:3] != config[1:3]:
        raise BadInput("This outbox belongs to another tenant or store.", "Use another --home for another shop.")
    config.write()
    _open(given).close()
    return _last(home=str(given.home), store=config.store)


def _append(given: Any) -> int:
    outbox = _open(given, check=False)
    taken = 0
    if given.whole:
        outbox.append(given.lane, sys.stdin.buffer.read(LARGEST + 1), format=given.format)
        return _last(appended=1)
    chunk: list[bytes] = []
    for raw in sys.stdin.buffer:
        line = raw.rstrip(b"\r\n")
        if line and not line.isspace():
            chunk.append(line)
        if len(chunk) >= watching.CHUNK_LINES:
            taken += len(outbox.append_many(given.lane, chunk, format=given.format)[1])
            chunk = []
    if chunk:
        taken += len(outbox.append_many(given.lane, chunk, format=given.format)[1])
    return _last(appended=taken)


def _run(given: Any) -> int:
    from zhongtai_edge.line import KafkaLine
    from zhongtai_edge.sending import Sending

    outbox = _open(given)
    if given.watch and not given.watch.is_dir():
        raise BadInput(f"There is no folder {given.watch}.", "Make it, or name another.")
    ended = threading.Event()
    if given.watch and given.once:
        watching.take(outbox, given.watch, given.lane, given.format, _tell)
    elif given.watch:
        threading.Thread(target=_watch_on, args=(given, ended), daemon=True).start()
    sending = Sending(outbox, lambda: KafkaLine(outbox.config), random.Random().random, notify=_tell)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sending.stop())
    sending.run(until_empty=given.once)
    ended.set()
    return _said(outbox) if given.once else _last(**outbox.status())


def _watch_on(given: Any, ended: threading.Event) -> None:
    outbox = _open(given, check=False)
    while not ended.is_set():
        try:
            watching.take(outbox, given.watch, given.lane, given.format, _tell)
        except EdgeError as error:  # the line stays in the file: it is taken when there is room again
            _tell(f"{error.wrong} {error.do}")
        except OSError as error:
            _tell(f"{given.watch}: {error.strerror}")
        ended.wait(1.0)


def _watch(given: Any) -> int:
    if not given.folder.is_dir():
        raise BadInput(f"There is no folder {given.folder}.", "Make it, or name another.")
    return _last(appended=watching.take(_open(given), given.folder, given.lane, given.format, _tell))


def _status(given: Any) -> int:
    return _said(_open(given, check=False))


def _said(outbox: Outbox) -> int:
    status = outbox.status()
    _last(**status)
    lanes: Any = status["lanes"]
    return WAITING if any(lane["waiting"] for lane in lanes.values()) else 0


def _verify(given: Any) -> int:
    outbox = _open(given, check=given.salvage)
    try:
        return _last(records=outbox.verify(), corrupt=False)
    except sqlite3.DatabaseError as error:
        if given.salvage:
            outbox.salvage(str(error))
            return _last(records=outbox.verify(), corrupt=False)
        _tell(f"The outbox is corrupt: {error}. Salvage it: zhongtai-edge verify --salvage")
        _last(corrupt=True)
        return CORRUPT


def _open(given: Any, check: bool = True) -> Outbox:
    return Outbox(Config.read(given.home), check=check, notify=_tell)


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _last(**fields: Any) -> int:
    sys.stdout.write(json.dumps(fields) + "\n")
    return 0


if __name__ == "__main__":
    main()
