"""Benchmarks: one streaming job, on our runtime and on its peers, on one broker and one machine.

    run.py        python -m bench.run stock: the whole comparison, in order
    plan.py       what to run, read from the environment; the files that it needs
    cluster.py    the broker in a temporary home, its topics and its groups
    events.py     the seeded input          reference.py  what must come out, counted by other code
    build.py      the peers, built outside the repository     setup.py      what each is told
    trial.py      one peer, one round: watched from outside, by the same ruler for all
    throughput.py interleaved rounds of all peers     curve.py      over keys and workers
    latency.py, recovery.py                 the other two questions
    report.py, draw.py                      table, JSON lines, pictures
    jobs/         the job on our runtime    peers/        the job on everything else

Nothing of the platform imports this package.
"""
