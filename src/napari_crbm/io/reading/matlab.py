"""MATLAB files up to version 7, read in a separate process.

Damaged files can crash or block the process that reads them, so a separate one reads
them, with a limit on its time and, where the system supports it, on its memory.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LONGEST_S = 300.0
# Such files hold variables of at most 2 GB; this is for several, and SciPy's copies.
_MOST_MEMORY = 16 << 30

_CONVERSION = """
import sys
import numpy as np
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[3]),) * 2)
except Exception:
    pass
from scipy.io import loadmat
plain = {}
def keep(name, value, depth=0):
    value = value.toarray() if hasattr(value, "toarray") else value
    if not isinstance(value, np.ndarray) or depth > 8:
        return
    if value.dtype.names and value.size == 1:
        for field in value.dtype.names:
            keep(name + "/" + field, value.ravel()[0][field], depth + 1)
    elif value.dtype.names and value.size:
        # A structure array: every field is a cell array.
        records = value.ravel(order="F")
        for field in value.dtype.names:
            parts = np.empty(len(records), dtype=object)
            for row, record in enumerate(records):
                parts[row] = record[field]
            keep(name + "/" + field, parts, depth + 1)
    elif value.dtype.kind in "biuf":
        plain[name] = value
    elif value.dtype == object and value.size:
        # A cell array of number arrays, which MATLAB counts down columns.
        parts = value.ravel(order="F")
        if all(isinstance(part, np.ndarray) and part.dtype.kind in "biuf" for part in parts):
            sizes = [part.size for part in parts]
            plain[name] = np.concatenate([part.ravel(order="F") for part in parts])
            if len(parts) > 1 and len(set(sizes)) == 1:
                plain[name] = plain[name].reshape(len(parts), -1)
            plain[name + "#counts"] = np.array(sizes)
        elif all(isinstance(part, np.ndarray) and part.dtype.names for part in parts):
            # A cell array of one structure a cell.
            records = [part.ravel()[0] for part in parts if part.size == 1]
            names = records[0].dtype.names if records else ()
            if len(records) == len(parts) and all(r.dtype.names == names for r in records):
                for field in names:
                    column = np.empty(len(records), dtype=object)
                    for row, record in enumerate(records):
                        column[row] = record[field]
                    keep(name + "/" + field, column, depth + 1)
for name, value in loadmat(sys.argv[1]).items():
    if name[:1] != "_":
        keep(name, value)
np.savez(sys.argv[2], **plain)
"""


def numeric_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return all numeric arrays of a MATLAB file; fields of structures as "structure/field".

    A cell array of number arrays becomes their values in a row, and their counts under its
    name with "#counts"; if all have the same length, one row per cell, (cells, length). A
    structure array, or a cell array of structures, becomes one such cell array per field.

    Raises
    ------
    ValueError
        With the reason why the file cannot be read.
    """
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "arrays.npz"
        command = [
            sys.executable,
            "-P",
            "-c",
            _CONVERSION,
            str(path),
            str(target),
            str(_MOST_MEMORY),
        ]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=_LONGEST_S
            )
        except subprocess.TimeoutExpired as error:
            raise ValueError(f"it is not read after {_LONGEST_S:g} s, so it is damaged") from error
        if done.returncode or not target.exists():
            lines = done.stderr.strip().splitlines()
            raise ValueError(lines[-1] if lines and done.returncode > 0 else "it is damaged")
        with np.load(target, allow_pickle=False) as archive:
            return {name: np.asarray(archive[name]) for name in archive.files}
