"""Which records speak of one person, without labels: what is compared, how candidates are found, and how sure one is.

    mapping.py      which column holds what
    features.py     a record → its fields in one spelling each
    comparisons.py  two records → how alike each field is (levels, as SQL for Splink)
    blocking.py     which pairs are looked at (keys, as SQL)
    posterior.py    levels → the probability that the two are one person, and not two of one family
    clusters.py     probable pairs → persons without contradiction, and the pairs within them

All of it is pure: functions that return SQL run nothing. `pipelines.matching` runs it with Splink on DuckDB.
"""
