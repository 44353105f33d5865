"""Refuse results of a model that do not fit its shape."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import ModelError

#: What a model keeps of `napari_crbm.analysis.reproducibility`.
HALVES = ("similarity", "chance", "q", "found")


def check_stability(values: NDArray[np.floating], n_hidden: int) -> None:
    """Refuse what is not one number from 0 to 1 for every hidden unit.

    Raises
    ------
    ModelError
    """
    found = np.asarray(values)
    if found.shape != (n_hidden,) or not ((found >= 0) & (found <= 1 + 1e-6)).all():
        raise ModelError(
            f"Stability must be {n_hidden} numbers from 0 to 1, one per assembly; found "
            f"shape {found.shape}. Compute it with 'napari-crbm stability'."
        )


def check_halves(halves: Mapping[str, NDArray[np.floating]], n_hidden: int) -> None:
    """Refuse results of two halves that are not one number for every hidden unit.

    Raises
    ------
    ModelError
    """
    for name in HALVES:
        found = np.asarray(halves.get(name, np.empty(0)))
        if found.shape != (n_hidden,):
            raise ModelError(
                f"Results of the two halves must hold {n_hidden} numbers of '{name}', one per "
                f"assembly; found shape {found.shape}. Compute them with 'napari-crbm "
                "reproducibility'."
            )
