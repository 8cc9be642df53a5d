"""The warehouse's models over a real year, built by us and by dbt-duckdb: `python -m bench.run marts`.

year.py      the twin's year as a lake, through the product's own jobs     rig.py   a builder's process, asked step by step
ours.py      our builder                                                  run.py   rounds, growth, queries, the last line
../peers/dbt/  the same models as a dbt project, in an environment of its own
"""
