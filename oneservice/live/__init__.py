"""The live state as the service holds it: a view of `state.*` topics on disk, and how far it can be trusted.

view.py      SQLite: rows and next offsets in one transaction, so a restart goes on where it was and memory stays flat
chase.py     as of which moment the view is complete, jobs before it included (pure)
roads.py     which jobs stand between what shops send and each state topic
broker.py    what Kafka is asked for that
follow.py    the thread that follows the topics
"""
