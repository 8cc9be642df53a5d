"""The batch runtime: Faust workers that handle whole fetched runs, each in a Kafka transaction.

`job` is what a job's author needs; `engine` is the commit protocol; `log` is Kafka as the engine sees it; `faust_host` is
the only file that knows Faust and aiokafka. docs/runtime.md tells the whole story.
"""

from pipelines.batch.job import Effects, Gauge, Job, Output, Run, Sample, State, Table, Telling, decoded

__all__ = ["Effects", "Gauge", "Job", "Output", "Run", "Sample", "State", "Table", "Telling", "decoded"]
