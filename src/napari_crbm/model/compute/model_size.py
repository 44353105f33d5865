"""The size from which a model counts as large. Training treats large models by other rules."""

from __future__ import annotations

#: Models with more weights (neurons times hidden units) are large.
FEW = 400_000


def is_large(n_neurons: int, n_hidden: int) -> bool:
    """Return whether training treats a model of this size as a large one."""
    return n_neurons * n_hidden > FEW
