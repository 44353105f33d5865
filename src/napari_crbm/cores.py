"""Number of processor cores that this process may use."""

from __future__ import annotations

import os


def available_cores() -> int:
    """Return the number of cores that this process may run on, at least 1.

    On shared machines and in batch jobs this is often fewer than the machine has
    (`os.cpu_count`), because the process is bound to some of them.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
