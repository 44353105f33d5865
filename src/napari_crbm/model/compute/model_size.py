"""Which models count as large: training treats them by other rules."""

from __future__ import annotations

#: Models of more weights, neurons times hidden units, are large.
FEW = 400_000


def is_large(n_neurons: int, n_hidden: int) -> bool:
    """Whether a model has so many weights that training treats it as a large one."""
    return n_neurons * n_hidden > FEW
