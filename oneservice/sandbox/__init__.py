"""SQL that people write, each question in a process of its own that can reach nothing but the file of its role.

DuckDB has no notion of an untrusted user, so no single wall is trusted:

    1. gate.py       one SELECT, of tables of the file and of functions that only compute (says what is wrong, kindly)
    2. DuckDB        read-only, no external access, no extensions, settings locked
    3. lockdown.py   the kernel: no new file or socket can be opened at all; memory, processor, file size limited
    4. pool.py       a process serves one question and is gone; time and bytes of the answer limited from outside

Each of the last two holds alone: tests/oneservice/test_escapes.py tries every way out without the gate, too.
"""
