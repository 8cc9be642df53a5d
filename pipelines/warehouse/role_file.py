"""Writes one role's file, in a process that has never seen anything but that role's rows.

DuckDB leaves spare room in its blocks as it found it in memory. In the process that built the marts that room holds pieces of
other tables: shops, clerks and tokens of which the role may know nothing stood in its file, byte for byte. A process that
was given the permitted rows alone has nothing else to spill. It starts without our environment for the same reason.

`python role_file.py TARGET` with one table a line on standard input: name, tab, columns, tab, Parquet file.
"""

import sys

import duckdb


def main(target: str) -> None:
    con = duckdb.connect(target, config={"threads": 1})
    con.execute("SET TimeZone = 'UTC'")
    for line in sys.stdin.read().splitlines():
        table, columns, rows = line.split("\t")
        con.execute(f"CREATE TABLE {table} ({columns})")
        con.read_parquet(rows).insert_into(table)  # a parameter in SQL would import pandas: half a second for each role
    con.execute("CHECKPOINT")
    con.close()


if __name__ == "__main__":
    main(sys.argv[1])
