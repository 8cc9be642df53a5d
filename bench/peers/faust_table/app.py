"""A plain Faust table as a peer: what the tutorial teaches, exactly once. `python app.py SETUP`."""

import json
import logging
import sys
import time

import faust

HORIZON_S = 30 * 60
setup = json.loads(sys.argv.pop())

app = faust.App(
    setup["group"],
    broker=f"kafka://{setup['bootstrap']}",
    store="memory://",
    processing_guarantee="exactly_once",
    broker_commit_interval=setup["commit_ms"] / 1000,
    topic_partitions=setup["partitions"],
    topic_disable_leader=True,
    consumer_auto_offset_reset="earliest",
    datadir=setup["folder"],
    web_enabled=False,
)
source = app.topic(setup["source"], key_type=bytes, value_serializer="json")
output = app.topic(setup["output"], key_type=bytes, value_serializer="json")
levels = app.Table(f"{setup['prefix']}-table", partitions=setup["partitions"], key_type=str)
said = False


@app.agent(source)
async def keep(stream: faust.Stream) -> None:
    """Fold each event into its level, and send the level on."""
    global said  # noqa: PLW0603
    async for key, event in stream.items():
        if not said:
            said = True
            sys.stdout.write(f"first {time.time()}\n")
            sys.stdout.flush()
        level = fold(key.decode(), event)
        if level is not None:
            await output.send(key=key, value=level)


def fold(key: str, event: dict) -> dict | None:
    """The new level, or None for a repeat."""
    on_hand, reserved, generation, current, last = levels.get(key) or (0, 0, -1, [], [])
    now, id_ = event["at"] // HORIZON_S, event["event_id"]
    if id_ in current or id_ in last:
        return None
    if now > generation:
        current, last, generation = [], current if now == generation + 1 else [], now
    current, last = ([*current, id_], last) if now == generation else (current, [*last, id_])
    if event["bucket"] == "on_hand":
        on_hand += event["quantity"]
    else:
        reserved += event["quantity"]
    levels[key] = [on_hand, reserved, generation, current, last]
    return {"on_hand": on_hand, "reserved": reserved, "available": on_hand - reserved}


if __name__ == "__main__":
    worker = faust.Worker(app, loglevel=logging.WARNING, redirect_stdouts=False)
    worker.execute_from_commandline()
