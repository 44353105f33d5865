"""Validate shapes and dtypes of arrays before calling unchecked kernels."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_crbm.errors import ModelError


def require(name: str, values: Any, shape: tuple[int | None, ...], dtype: type) -> None:
    """Refuse an array of another shape or dtype than a kernel reads and writes.

    Parameters
    ----------
    name : str
        What the array is, for the message.
    values : array
    shape : tuple
        Expected shape; None for an axis of any length.
    dtype : type
        Expected NumPy type.

    Raises
    ------
    ModelError
    """
    if not isinstance(values, np.ndarray):
        raise ModelError(f"{name} must be a NumPy array; found {type(values).__name__}.")
    fits = values.ndim == len(shape) and all(
        wanted in (None, found) for wanted, found in zip(shape, values.shape, strict=True)
    )
    if not fits or values.dtype != dtype:
        axes = ", ".join("any" if n is None else str(n) for n in shape)
        raise ModelError(
            f"{name} must have shape ({axes}) and type {np.dtype(dtype).name}; found shape "
            f"{values.shape} and type {values.dtype.name}."
        )


def require_indices(name: str, values: Any, size: int) -> None:
    """Refuse indices (n,) int64 that do not all lie in 0 to size - 1."""
    require(name, values, (None,), np.int64)
    if len(values) and not 0 <= values.min() <= values.max() < size:
        raise ModelError(
            f"{name} must lie in 0 to {size - 1}; found {values.min()} to {values.max()}."
        )


def require_chains(
    shape: tuple[int, int], inputs: Any, bits: Any, fields: Any = None, units: Any = None
) -> None:
    """Refuse chains, fields or hidden units that do not fit weights of ``shape`` (N, M)."""
    n_neurons, n_hidden = shape
    require("inputs", inputs, (None, n_hidden), np.float32)
    require("bits", bits, (n_neurons, -(-len(inputs) // 64)), np.uint64)
    if fields is not None:
        require("fields", fields, (n_neurons,), np.float32)
    if units is not None and any(np.shape(row) != (n_hidden,) for row in units):
        raise ModelError(
            f"Hidden units must match the columns of the weights: expected {n_hidden}, found "
            f"{', '.join(str(np.shape(row)) for row in units)}."
        )
