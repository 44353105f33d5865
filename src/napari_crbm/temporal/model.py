r"""The temporal model: the trained cRBM, and how its hidden units depend on the past.

In frame t the input of hidden unit :math:`\mu` is

.. math:: I_\mu(t) = \sum_i w_{i\mu} v_i(t) + c_\mu
   + \sum_{\nu, l} U_{\mu\nu}(l)\, a_\nu(t - l)

with the standardised activity :math:`a = (E[h \mid v] - \bar h) / s` of the trained model without
time. Given its past, every frame is then an RBM with known shifts of its inputs. Weights and hidden
units are those of the trained model; the fields of the neurons follow the couplings, so that mean
activities stay those of the recording. With U = c = 0 and its own fields it is the trained model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import ModelError
from napari_crbm.model.rbm import RBM
from napari_crbm.spikes import Spikes
from napari_crbm.temporal.lags import filtered_past
from napari_crbm.temporal.settings import TemporalSettings


@dataclass(frozen=True, eq=False)
class TemporalModel:
    """A cRBM whose hidden units are driven by the past of all assemblies.

    Parameters
    ----------
    rbm : RBM
        The trained model without time.
    functions : (B, L) float64
        Functions of the lag; column l - 1 belongs to a lag of l frames.
    couplings : (B, M, M) float64
        Coupling of each target (row) to each source (column), for each function of the lag.
    shift : (M,) float64
        Constant shift c of the inputs.
    fields : (N,) float32
        Fields of the neurons given the past.
    centre, scale : (M,) float64
        Mean and standard deviation of E[h | v] over the training frames.
    frame_interval_s : float
    settings : TemporalSettings
        With the penalty that was chosen.
    history : dict of str to arrays
        One row for each value of the penalty that was tried.
    split : dict of str to int arrays
        Frames used for training and validation, with a known past, and the held-out frames of the
        model without time.
    recording_fingerprint : str, optional
        Fingerprint of the spikes trained on.
    versions : dict of str to str
    """

    rbm: RBM
    functions: NDArray[np.float64]
    couplings: NDArray[np.float64]
    shift: NDArray[np.float64]
    fields: NDArray[np.float32]
    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    frame_interval_s: float
    settings: TemporalSettings = field(default_factory=TemporalSettings)
    history: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    split: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    recording_fingerprint: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n_units = self.rbm.n_hidden
        n_functions = self.functions.shape[0] if self.functions.ndim == 2 else -1
        for name, values, wanted in (
            ("functions", self.functions, (n_functions, *self.functions.shape[1:2])),
            ("couplings", self.couplings, (n_functions, n_units, n_units)),
            ("shift", self.shift, (n_units,)),
            ("fields", self.fields, (self.rbm.n_neurons,)),
            ("centre", self.centre, (n_units,)),
            ("scale", self.scale, (n_units,)),
        ):
            if values.shape != wanted:
                raise ModelError(
                    f"The {name} of a temporal model of {n_units} assemblies must have shape "
                    f"{wanted}; found {values.shape}."
                )
            if not np.isfinite(values).all():
                raise ModelError(f"The temporal model's {name} hold values that are not finite.")

    @property
    def n_lags(self) -> int:
        """Longest lag L in frames."""
        return int(self.functions.shape[1])

    @property
    def n_assemblies(self) -> int:
        """Number of assemblies M."""
        return self.rbm.n_hidden

    @property
    def n_neurons(self) -> int:
        """Number of neurons N."""
        return self.rbm.n_neurons

    @property
    def n_couplings(self) -> int:
        """Number of ordered pairs of different assemblies that are coupled."""
        coupled = (self.couplings != 0).any(axis=0)
        return int(np.count_nonzero(coupled) - np.count_nonzero(np.diagonal(coupled)))

    @property
    def lags_s(self) -> NDArray[np.float64]:
        """Lags in seconds, (L,)."""
        return np.asarray(np.arange(1, self.n_lags + 1) * self.frame_interval_s, dtype=np.float64)

    @property
    def by_lag(self) -> NDArray[np.float64]:
        """Coupling of each target (row) to each source (column) at each lag, (L, M, M)."""
        return np.asarray(np.einsum("bl,bmn->lmn", self.functions, self.couplings))

    def activity(self, spikes: Spikes) -> NDArray[np.float32]:
        """Compute the standardised activity of assemblies in every frame, (T, M) float32."""
        return self.standardised(self.rbm.mean_h_from_v(spikes))

    def standardised(self, mean_h: NDArray[np.floating]) -> NDArray[np.float32]:
        """Standardise E[h | v], (..., M)."""
        return np.asarray((mean_h - self.centre) / self.scale, dtype=np.float32)

    def drive(self, past: NDArray[np.floating]) -> NDArray[np.float32]:
        """Compute the shifts of the inputs from `filtered_past` (T, B, M), (T, M) float32."""
        n_units = self.n_assemblies
        joined = self.couplings.transpose(1, 0, 2).reshape(n_units, -1)
        flat = past.reshape(len(past), -1)
        return np.asarray(flat @ joined.T.astype(np.float32) + self.shift, dtype=np.float32)

    def drive_of(self, activity: NDArray[np.floating]) -> NDArray[np.float32]:
        """Compute the shifts of the inputs in every frame of courses (T, M); see `drive`.

        Frames before the first one count as mean activity.
        """
        return self.drive(filtered_past(activity, self.functions))

    def __repr__(self) -> str:
        return (
            f"TemporalModel({self.n_neurons:,} neurons, {self.n_assemblies} assemblies, "
            f"{self.n_lags} lags)"
        )
