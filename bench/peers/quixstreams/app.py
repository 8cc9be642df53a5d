"""quixstreams as a peer: `python app.py SETUP` in an environment of its own, where none of our packages is installed.

A StreamingDataFrame with state, exactly once. One state value a key: the level, and the ids of two generations of
event time.
"""

import json
import sys
import time

from quixstreams import Application, State

HORIZON_S = 30 * 60
said = False


def fold(event: dict, state: State) -> dict | None:
    """The new level, or None for a repeat."""
    global said  # noqa: PLW0603
    if not said:
        said = True
        sys.stdout.write(f"first {time.time()}\n")
        sys.stdout.flush()
    on_hand, reserved, generation, current, last = state.get("level") or (0, 0, -1, [], [])
    now, id_ = event["at"] // HORIZON_S, event["event_id"]
    if id_ in current or id_ in last:
        return None
    if now > generation:
        current, last, generation = [], current if now == generation + 1 else [], now
    (current if now == generation else last).append(id_)
    if event["bucket"] == "on_hand":
        on_hand += event["quantity"]
    else:
        reserved += event["quantity"]
    state.set("level", (on_hand, reserved, generation, current, last))
    return {"on_hand": on_hand, "reserved": reserved, "available": on_hand - reserved}


def main() -> None:
    setup = json.loads(sys.argv[1])
    app = Application(
        broker_address=setup["bootstrap"],
        consumer_group=setup["group"],
        processing_guarantee="exactly-once",
        commit_interval=setup["commit_ms"] / 1000,
        auto_offset_reset="earliest",
        auto_create_topics=True,
        state_dir=setup["folder"],
        loglevel="WARNING",
        consumer_extra_config={"fetch.wait.max.ms": 30, "queued.min.messages": 200_000},
        producer_extra_config={"compression.type": "lz4", "linger.ms": 20, "queue.buffering.max.messages": 1_000_000},
    )
    source = app.topic(setup["source"], key_deserializer="bytes", value_deserializer="json")
    output = app.topic(setup["output"], key_serializer="bytes", value_serializer="json")
    levels = app.dataframe(source).apply(fold, stateful=True)
    levels[levels.apply(lambda level: level is not None)].to_topic(output)
    app.run()


if __name__ == "__main__":
    main()
