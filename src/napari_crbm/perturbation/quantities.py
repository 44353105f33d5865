"""What is averaged over states: probabilities of neurons, activity of assemblies, region means.

Given the hidden units neurons are independent, so that the probability of a neuron to be active
is averaged rather than its state, which leaves out the noise of drawing it. Neurons of a driven
group depend on each other given the event; for them the states are averaged.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import expit

from napari_crbm.perturbation.pool import Pool
from napari_crbm.perturbation.recorded import Recorded
from napari_crbm.regions import Regions

Index = slice | NDArray[np.int64]


class Quantities:
    """Values of some states, for N neurons, M assemblies and R regions.

    Parameters
    ----------
    recorded : Recorded
    regions : Regions, optional
        None counts as R = 0.
    """

    def __init__(self, recorded: Recorded, regions: Regions | None) -> None:
        self.n_neurons, self.n_hidden = recorded.rbm.n_neurons, recorded.rbm.n_hidden
        self.n_regions = 0 if regions is None else len(regions.names)
        self._centre = recorded.activity.mean(axis=0, dtype=np.float64)
        self._spread = recorded.spread
        none = sparse.csr_array((self.n_neurons, 0), dtype=np.float32)
        given = none if regions is None else regions.membership
        self._member = sparse.csr_array(given, dtype=np.float32)
        self._sizes = np.asarray(self._member.sum(axis=0)).ravel()

    def shared(self, pool: Pool, states: Index) -> NDArray[np.float32]:
        """Return probabilities and standardised activity of some states, (b, N + M)."""
        rbm, hidden = pool.rbm, pool.hidden[states]
        values = np.empty((len(hidden), self.n_neurons + self.n_hidden), dtype=np.float32)
        drive = hidden @ rbm.weights.T
        expit(drive + rbm.fields, out=values[:, : self.n_neurons])
        values[:, self.n_neurons :] = self.standardised(pool.activity[states])
        return values

    def own(
        self, pool: Pool, states: Index, shared: NDArray[np.float32], group: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Return the states of a group and the means of regions without it, (b, n + R)."""
        active = pool.spikes.dense(states)[:, group].astype(np.float32)
        if not self.n_regions:
            return active
        return np.hstack([active, self.region_means(shared[:, : self.n_neurons], group)])

    def region_means(
        self, values: NDArray[np.floating], group: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Return means (b, R) of values (b, N) over the neurons of regions outside a group.

        NaN for regions that lie in the group.
        """
        inside = self._member[group]
        left = self._sizes - np.asarray(inside.sum(axis=0)).ravel()
        sums = (self._member.T @ values.T).T - (inside.T @ values[:, group].T).T
        means = np.full(sums.shape, np.nan, dtype=np.float32)
        np.divide(sums, left, out=means, where=left > 0, casting="same_kind")
        return means

    def standardised(self, activity: NDArray[np.floating]) -> NDArray[np.float64]:
        """Express activity (b, M) in standard deviations from the mean of the recording."""
        return np.asarray((activity - self._centre) / self._spread)
