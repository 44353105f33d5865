r"""Protocol of hidden units: the methods that a type must have, so that models can be trained.

A hidden unit has a potential U(h), which defines everything else. Given its input I it follows
:math:`P(h \mid I) \propto e^{-U(h) + I h}` with the cumulant function

.. math:: \Gamma(I) = \log \int e^{-U(h) + I h} dh,

whose first and second derivatives are the mean and the variance of h given I.

A `UnitType` consists of three classes. `HiddenUnits` holds the parameters of M units as
they enter the energy, and computes on the processor. `ArrayUnits` computes the same with the
functions of an array module, for other devices. `TrainingUnits` holds the same units in the
coordinates in which training moves them.

Parameters are NamedTuples of arrays (M,), one row per parameter; `mapped` applies a function to
every row. No code outside a unit type uses single parameters. `model.units.choice` says
which type models have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_crbm.model.compute.weights import GibbsKernels

#: An array of NumPy, or of an array module that behaves like it.
Array = Any
Vector = NDArray[np.float64]

_Rows = TypeVar("_Rows", bound="Rows")


class Rows(Protocol):
    """A NamedTuple of arrays (M,), one for each parameter of the units."""

    def __iter__(self) -> Iterator[Array]: ...

    def _asdict(self) -> dict[str, Array]: ...


def mapped(rows: _Rows, function: Callable[[Array], Array]) -> _Rows:
    """Apply a function to every parameter."""
    return type(rows)(*(function(row) for row in rows))


class Moments(Protocol):
    """Conditional moments of h given inputs (B, M), in float64.

    A unit type adds whatever the gradient of its own parameters needs.
    """

    @property
    def mean(self) -> Array:
        """E[h | I], (B, M)."""

    @property
    def square(self) -> Array:
        """E[h^2 | I], (B, M)."""

    @property
    def cube(self) -> Array:
        """E[h^3 | I], (B, M)."""

    @property
    def variance(self) -> Array:
        """Var[h | I], (B, M)."""


class ArrayUnits(Protocol):
    """The distribution of units given their inputs (B, M), by the functions of an array module."""

    def moments(self, inputs: Array, units: Any) -> Moments:
        """Compute the conditional moments."""

    def mean(self, inputs: Array, units: Any) -> Array:
        """Compute E[h | I], float32."""

    def sample(self, inputs: Array, units: Any, keys: Array) -> Array:
        """Draw h, every row from its own stream ``keys`` (B,) of uint64; float32."""


class HiddenUnits(Rows, Protocol):
    """Parameters of M hidden units as they enter the energy, each (M,) float64.

    Methods compute on the processor with kernel threads held. Inputs are (B, M).
    """

    @property
    def n_hidden(self) -> int:
        """Number of units M."""

    @property
    def problem(self) -> str | None:
        """A sentence if the parameters give no distribution; None if they do."""

    # --- distribution ---------------------------------------------------------------------

    def potential(self, h: ArrayLike) -> NDArray[np.float64]:
        """Compute U(h) for values (..., M)."""

    def cumulant(self, inputs: NDArray[np.floating]) -> NDArray[np.float64]:
        """Compute the cumulant function."""

    def mean(self, inputs: NDArray[np.floating]) -> NDArray[np.float32]:
        """Compute E[h | I], float32."""

    def moments(self, inputs: NDArray[np.floating]) -> Moments:
        """Compute the conditional moments."""

    def sample(self, inputs: NDArray[np.floating], key: np.uint64) -> NDArray[np.float32]:
        """Draw h from the stream ``key``, float32."""

    # --- speed ------------------------------------------------------------------------------

    @property
    def gibbs_kernels(self) -> GibbsKernels | None:
        """Compiled Gibbs steps of this type; None to draw hidden units by `sample`."""

    @classmethod
    def on_arrays(cls, xp: Any) -> ArrayUnits:
        """Return the same mathematics for an array module such as CuPy."""

    # --- other units of the same type ---------------------------------------------------------

    def select(self, units: NDArray[Any]) -> Self:
        """Return some of the units (indices or mask)."""

    def rescaled(self, scale: NDArray[np.float64]) -> Self:
        """Return the units of ``h / scale``; with weights times ``scale`` the model is the same."""

    def mirrored(self, units: NDArray[np.bool_]) -> Self:
        """Return the units with ``-h`` for the chosen ones; their weights change sign too."""


class UnitGradient(Protocol):
    """Gradient of the log-likelihood with the variance of h held at one."""

    @property
    def free(self) -> dict[str, Array]:
        """Gradient (M,) of every free parameter."""

    @property
    def factors(self) -> Array:
        """Factors (B, M) of the data's ``v_ib`` in the weight gradient."""


class TrainingUnits(Rows, Protocol):
    """The same units in the coordinates in which training moves them; each (M,).

    Var(h) over the data is held at one, which takes one parameter, the scale, out of the free
    ones. One of the free parameters shifts the input. Rows may lie on any device; methods that
    return nothing change them in place.
    """

    @classmethod
    def from_units(cls, units: Any) -> Self:
        """Return the same units in these coordinates."""

    @classmethod
    def at_start(cls, inputs: Array) -> Self:
        """Return units whose mean is zero at the inputs (M,), on the device of the inputs."""

    def units(self) -> Any:
        """Return the units as they enter the energy."""

    def relaxed(self, data: Any, rate: float) -> Self:
        """Move the scale towards unit variance of h over a batch of frames, by a share ``rate``."""

    def gradient(self, data: Any, chains: Any) -> UnitGradient:
        """Compute the gradient from moments on a batch of frames and on the model's chains."""

    def paces(self) -> dict[str, Array | float]:
        """Return how far each free parameter moves at learning rate one; order of the updates."""

    def bound(self) -> None:
        """Put parameters back into their range."""

    def shift(self, change: Array) -> None:
        """Follow a change (M,) of the mean input."""


class UnitType(NamedTuple):
    """A type of hidden unit, as a training needs it.

    Parameters
    ----------
    training : type
        The class of `TrainingUnits`, whose `units` gives the `HiddenUnits`.
    """

    training: type[TrainingUnits]

    def of_rows(self, rows: Iterable[Array]) -> TrainingUnits:
        """Return units in the coordinates of training from one array (M,) per parameter."""
        return self.training(*rows)
