"""Takes from this process what a question does not need: files, network, children, and more memory or time than its share.

Nothing here can be undone by the process. It needs no privilege; where there is one (root), it is given up.

    RLIMIT_NOFILE 0      no descriptor can be opened any more: no file, no socket, no pipe; those that are open go on
    RLIMIT_FSIZE 0       nothing can be written to a file
    RLIMIT_AS, _CPU      memory and processor seconds
    RLIMIT_NPROC 0       no child and no thread (the kernel does not hold root to it)
    Landlock             where the kernel has it: no path, not even to remove or to create one, and no network
    another user         where we are root: nobody
"""

import ctypes
import os
import resource
import struct
from pathlib import Path

NOBODY = 65_534
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_SIGKILL = 9
# The same numbers on every architecture (include/uapi/asm-generic/unistd.h).
_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_VERSION = 1
# How many kinds of file access each version of Landlock knows: 13, then refer, truncate, ioctl on devices.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_libc = ctypes.CDLL(None, use_errno=True)


def alone() -> bool:
    """No path at all, and no network, for this thread and those that it starts. False where the kernel has no Landlock.

    DuckDB must have no thread of its own by then (`threads` is 1), and its file must be open: it is the last one.
    """
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    version = _libc.syscall(_CREATE_RULESET, None, 0, _VERSION)
    if version < 1:
        return False
    files = (1 << _FILE_RIGHTS.get(version, 16)) - 1
    network = 0b11 if version >= 4 else 0
    scoped = 0b11 if version >= 6 else 0
    wanted = struct.pack("=QQQ", files, network, scoped)[: 8 if version < 4 else 16 if version < 6 else 24]
    rules = _libc.syscall(_CREATE_RULESET, wanted, len(wanted), 0)
    if rules < 0:
        return False
    done: bool = _libc.syscall(_RESTRICT_SELF, rules, 0) == 0
    os.close(rules)
    return done


def lower() -> None:
    """Gives up root, and ends with the parent."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    _libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def close(memory_bytes: int, cpu_s: int) -> None:
    """Once the file is open. `memory_bytes` of address space come on top of what is in use now."""
    address_space = _in_use() + memory_bytes
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_AS, address_space),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_NOFILE, 0),
    ):
        resource.setrlimit(kind, (most, most))


def _in_use() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()
