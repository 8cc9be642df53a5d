"""Chaos with real processes on the real broker: workers are killed, stopped, doubled, and must still count exactly once.

jobs.py       the jobs under test, on topics of their own for each trial
worker.py     the process: pipelines.batch.faust_host with short timeouts and a fault point at each named step
faults.py     what a worker does to itself at a named step
plants.py     bugs that a worker can be given
process.py    a worker as the driver sees it
feed.py       events, and what was produced of them
oracle.py     what must come out, in plain Python
scene.py      topics, workers, feed and verdict of one trial
storm.py      seeded faults; trial.py: one storm and its verdict
scripts.py    faults at fixed points, and the plants that each must show
run.py        as many trials as one likes
"""
