"""The smallest Faust worker: says when its first event is processed and acknowledged. recovery.py measures by it."""

import json
import logging
import sys
import time

import faust

setup = json.loads(sys.argv.pop())
app = faust.App(
    setup["group"],
    broker=f"kafka://{setup['bootstrap']}",
    topic_disable_leader=True,
    consumer_auto_offset_reset="earliest",
    datadir=setup["folder"],
    web_enabled=False,
)
source = app.topic(setup["source"], value_serializer="raw")
said = False


@app.agent(source)
async def look(stream: faust.Stream) -> None:
    global said  # noqa: PLW0603
    async for event in stream.noack().events():
        event.ack()
        if not said:
            said = True
            sys.stdout.write(f"first {time.time()}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    faust.Worker(app, loglevel=logging.WARNING, redirect_stdouts=False).execute_from_commandline()
