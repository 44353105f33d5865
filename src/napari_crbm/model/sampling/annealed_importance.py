r"""Likelihoods: annealed importance sampling from independent neurons to the model.

At position beta on the path, neurons and hidden units follow

.. math:: P_\beta(v) \propto \exp\Big(g_\beta \cdot v + \sum_\mu \Gamma_\mu(\beta I_\mu(v))\Big),
          \quad g_\beta = (1 - \beta) g_0 + \beta g

which is the model at beta = 1 and independent neurons of given activity at beta = 0, where
everything is known. Chains that walk from the one to the other, and the weights they
collect on the way, give the model's normalisation (Neal 2001; for RBMs Salakhutdinov &
Murray 2008).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit, logsumexp

from napari_crbm.errors import ModelError
from napari_crbm.model.compute.randomness import stream
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.compute.weights import DenseWeights, efficient
from napari_crbm.model.rbm import RBM, HasRBM
from napari_crbm.model.sampling.starts import starting_activity
from napari_crbm.spikes import Spikes

_ANNEAL = 7


class _Path:
    """The model at any position between independent neurons and itself.

    Parameters
    ----------
    rbm : RBM
    spikes : Spikes, optional
        Whose mean activity the independent neurons have; by default each has its field.
    """

    def __init__(self, rbm: RBM, spikes: Spikes | None = None) -> None:
        self.rbm = rbm
        self.form = efficient(rbm.weights)
        if spikes is None:
            self.base = rbm.fields.astype(np.float64)
        else:
            self.base = _independent_fields(spikes)
        self._tilt = DenseWeights(
            (rbm.fields - self.base).astype(np.float32)[:, None].copy(order="C")
        )

    @property
    def log_partition_of_base(self) -> float:
        """Logarithm of the normalisation at beta = 0, exactly."""
        none = np.zeros((1, self.rbm.n_hidden), dtype=np.float32)
        units = self.rbm.hidden.cumulant(none).sum()
        return float(np.logaddexp(0, self.base).sum() + units)

    def fields(self, beta: float) -> NDArray[np.float32]:
        """Fields of the neurons at ``beta``, (N,)."""
        return ((1 - beta) * self.base + beta * self.rbm.fields).astype(np.float32)

    def step(
        self, beta: float, bits: NDArray[np.uint64], inputs: NDArray[np.float32], key: np.uint64
    ) -> None:
        """One Gibbs step of all chains at ``beta``; ``inputs`` (B, M) are those of beta = 1."""
        scaled = inputs * np.float32(beta)
        form = self.form._replace(values=self.form.values * np.float32(beta))
        form.gibbs(self.fields(beta), self.rbm.hidden, scaled, bits, key, 1)
        self.form.project_bits(bits, inputs)

    def tilt(self, bits: NDArray[np.uint64], n_chains: int) -> NDArray[np.float64]:
        """What the fields' part of log P gains per unit of beta in every chain, (B,)."""
        out = np.empty((n_chains, 1), dtype=np.float32)
        self._tilt.project_bits(bits, out)
        return out[:, 0].astype(np.float64)

    def units(self, beta: float, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
        """The hidden units' part of log P at ``beta`` in every chain, (B,)."""
        return np.asarray(self.rbm.hidden.cumulant(inputs * np.float32(beta)).sum(axis=1))


@dataclass(frozen=True)
class Partition:
    """Estimate of a model's normalisation by annealed importance sampling.

    Parameters
    ----------
    log_z : float
        Logarithm of the sum over all activity of exp(-free energy).
    error : float
        Its standard error.
    effective_size : float
        Number of equally weighted chains the estimate is worth; a few only means that
        the path was walked too fast and the error is not to be trusted.
    """

    log_z: float
    error: float
    effective_size: float

    @property
    def reliable(self) -> bool:
        """Whether enough chains carry the estimate for its error to mean something."""
        return self.effective_size >= 10


def log_partition(
    model: HasRBM,
    spikes: Spikes | None = None,
    *,
    n_chains: int = 128,
    n_betas: int = 1000,
    random_state: int = 0,
    report: Callable[[int, int], None] | None = None,
) -> Partition:
    """Estimate log Z by annealed importance sampling.

    Parameters
    ----------
    model : RBM or CRBM
    spikes : Spikes, optional
        The path starts from independent neurons as active as these; close to the
        model's own activity is best.
    n_chains : int
        Independent walks; the error falls with their square root.
    n_betas : int
        Stations of the walk, one Gibbs step each.
    random_state : int
    report : callable, optional
        Called with (stations done, stations in all); may raise to cancel.

    Raises
    ------
    ModelError
        If there are fewer than two chains or stations.
    """
    if min(n_chains, n_betas) < 2:
        raise ModelError("Annealed importance sampling needs two chains and stations or more.")
    rbm = model.rbm_
    path = _Path(rbm, spikes)
    betas = np.linspace(0.0, 1.0, n_betas + 1)
    log_weights = np.zeros(n_chains)
    with kernel_threads(rbm.n_threads):
        bits = starting_activity(path.fields(0.0), n_chains, None, random_state)
        inputs = np.empty((n_chains, rbm.n_hidden), dtype=np.float32)
        path.form.project_bits(bits, inputs)
        for k in range(1, len(betas)):
            before, beta = betas[k - 1], betas[k]
            log_weights += (beta - before) * path.tilt(bits, n_chains)
            log_weights += path.units(beta, inputs) - path.units(before, inputs)
            if k < n_betas:
                path.step(beta, bits, inputs, stream(random_state, _ANNEAL, k))
            if report is not None and (k % 20 == 0 or k == n_betas):
                report(k, n_betas)
    log_ratio = logsumexp(log_weights) - np.log(n_chains)
    relative = np.exp(log_weights - log_ratio)
    return Partition(
        log_z=float(path.log_partition_of_base + log_ratio),
        error=float(relative.std(ddof=1) / np.sqrt(n_chains)),
        effective_size=float(relative.sum() ** 2 / (relative**2).sum()),
    )


def log_likelihood(model: HasRBM, spikes: Spikes, partition: Partition) -> float:
    """Mean log-probability of the frames, in nats a frame; its error is the partition's."""
    return float(model.rbm_.log_probability_unnormalised(spikes).mean() - partition.log_z)


def independent_log_likelihood(train: Spikes, test: Spikes) -> float:
    """Mean log-probability of the test frames, in nats, if neurons were independent."""
    fields = _independent_fields(train)
    per_neuron = test.mean_activity * fields - np.logaddexp(0, fields)
    return float(per_neuron.sum())


def _independent_fields(spikes: Spikes) -> NDArray[np.float64]:
    # Half a spike more and less keeps silent neurons off minus infinity.
    return np.asarray(logit((spikes.neuron_counts + 0.5) / (spikes.n_frames + 1.0)))
