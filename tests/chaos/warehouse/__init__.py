"""Storms over the warehouse run: killed at every step, out of disk, its newest file damaged, read all along.

events.py   the seeded events, in phases          oracle.py  what must come out, counted by other code
worker.py   one run in a process of its own       reader.py  somebody who asks all along
trial.py    one seed: faults, then the judgement  plants.py  bugs planted on purpose, each with its script
run.py      python -m tests.chaos.warehouse.run   docs/chaos.md says how to read it
"""
