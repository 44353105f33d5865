"""Memory that ends while libraries load is told from other failures to load."""

from __future__ import annotations

import errno

from napari_crbm.errors import lacks_memory


def test_what_counts_as_missing_memory():
    assert lacks_memory(MemoryError())
    assert lacks_memory(OSError(errno.ENOMEM, "Cannot allocate memory"))
    assert lacks_memory(ImportError("x.so: failed to map segment from shared object"))
    # llvmlite raises an error of its own from the loader's.
    found = OSError("Could not find/load shared object file")
    found.__context__ = OSError("x.so: failed to map segment from shared object")
    assert lacks_memory(found)
    for other in (ImportError("No module named 'x'"), OSError(errno.ENOSPC, "No space left")):
        assert not lacks_memory(other)
