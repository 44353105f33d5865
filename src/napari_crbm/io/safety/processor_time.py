"""Processor time of another process, on systems where it cannot limit its own."""

from __future__ import annotations

import subprocess
import sys


def processor_time(process: subprocess.Popen[str]) -> float | None:
    """Return the seconds of processor time that a process has used.

    None except on Windows: elsewhere a process sets a limit for itself.
    """
    if sys.platform != "win32":
        return None
    import ctypes
    from ctypes import wintypes

    times = [wintypes.FILETIME() for _ in range(4)]
    handle = wintypes.HANDLE(int(process._handle))
    if not ctypes.windll.kernel32.GetProcessTimes(handle, *map(ctypes.byref, times)):
        return None
    # Creation, exit, kernel and user time, in units of 100 ns.
    return sum((one.dwHighDateTime << 32) + one.dwLowDateTime for one in times[2:]) / 1e7
