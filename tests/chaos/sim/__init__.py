"""A fake Kafka, its clients and several worker processes, in one process and in virtual time.

`loop` schedules, `broker` and `group` are Kafka, `log` and `host` are what kafka_log.py and faust_host.py are in real life,
`jobs` are the jobs under test, `oracle` judges, and `world` puts them together and breaks them.
"""
