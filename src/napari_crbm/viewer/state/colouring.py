"""How the neurons of the whole brain are coloured, and how to read the colours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_crbm.palette import Palette


@dataclass(frozen=True, eq=False)
class Colouring:
    """Colours of all neurons, and how to read them.

    Parameters
    ----------
    kind : str
        Key of `layers.colour_kinds.KINDS`, or a name of one's own.
    title : str
        With unit.
    colours : (N, 4) float32
    values : (N,) float array, optional
        What the colours stand for, if it is a number.
    low, high : str
        What the ends of the colour bar mean; empty without a bar.
    ramp : (K, 4) float array, optional
        The colour bar; none for categories.
    on : callable, optional
        Returns the same colouring for another palette; None if it has no colours of one.
    """

    kind: str
    title: str
    colours: NDArray[np.float32]
    values: NDArray[np.floating] | None = None
    low: str = ""
    high: str = ""
    ramp: NDArray[np.floating] | None = None
    on: Callable[[Palette], Colouring] | None = None
