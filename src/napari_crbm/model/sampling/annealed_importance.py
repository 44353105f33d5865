r"""Likelihoods by annealed importance sampling from independent neurons to the model.

At position beta on the path, neurons and hidden units follow

.. math:: P_\beta(v) \propto \exp\Big(g_\beta \cdot v + \sum_\mu \Gamma_\mu(\beta I_\mu(v))\Big),
          \quad g_\beta = (1 - \beta) g_0 + \beta g

which is the model at beta = 1. At beta = 0 it describes independent neurons of given activity,
whose normalisation is known. Chains that move from beta = 0 to 1 collect importance weights,
whose mean is the ratio of both normalisations (Neal 2001; for RBMs Salakhutdinov & Murray 2008).
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
    """The model at any position beta between independent neurons and itself.

    Parameters
    ----------
    rbm : RBM
    spikes : Spikes, optional
        Activity whose mean the independent neurons have; by default each neuron has its field.
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
        """Exact logarithm of the normalisation at beta = 0."""
        none = np.zeros((1, self.rbm.n_hidden), dtype=np.float32)
        units = self.rbm.hidden.cumulant(none).sum()
        return float(np.logaddexp(0, self.base).sum() + units)

    def fields(self, beta: float) -> NDArray[np.float32]:
        """Compute the fields of the neurons at ``beta``, (N,)."""
        return ((1 - beta) * self.base + beta * self.rbm.fields).astype(np.float32)

    def step(
        self, beta: float, bits: NDArray[np.uint64], inputs: NDArray[np.float32], key: np.uint64
    ) -> None:
        """Run one Gibbs step of all chains at ``beta``; ``inputs`` (B, M) are those of beta = 1."""
        scaled = inputs * np.float32(beta)
        form = self.form._replace(values=self.form.values * np.float32(beta))
        form.gibbs(self.fields(beta), self.rbm.hidden, scaled, bits, key, 1)
        self.form.project_bits(bits, inputs)

    def tilt(self, bits: NDArray[np.uint64], n_chains: int) -> NDArray[np.float64]:
        """Compute the derivative of the fields' part of log P by beta in every chain, (B,)."""
        out = np.empty((n_chains, 1), dtype=np.float32)
        self._tilt.project_bits(bits, out)
        return out[:, 0].astype(np.float64)

    def units(self, beta: float, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
        """Compute the hidden units' part of log P at ``beta`` in every chain, (B,)."""
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
        Number of equally weighted chains that give the same error. If it is small, beta rose
        too fast and the error is not reliable.
    """

    log_z: float
    error: float
    effective_size: float

    @property
    def reliable(self) -> bool:
        """Whether the effective size is large enough for the error to be reliable."""
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
        The path starts from independent neurons with this mean activity; best is one close to
        the model's own.
    n_chains : int
        Independent chains; the error falls with their square root.
    n_betas : int
        Steps of beta, with one Gibbs step each.
    random_state : int
    report : callable, optional
        Called with (steps done, steps in all); may raise to cancel.

    Raises
    ------
    ModelError
        If there are fewer than two chains or steps.
    """
    if min(n_chains, n_betas) < 2:
        raise ModelError(
            "Annealed importance sampling needs at least 2 chains and 2 steps of beta; found "
            f"{n_chains} and {n_betas}."
        )
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
    """Compute the mean log-probability of the frames, in nats per frame.

    Its standard error is that of the partition.
    """
    return float(model.rbm_.log_probability_unnormalised(spikes).mean() - partition.log_z)


def independent_log_likelihood(train: Spikes, test: Spikes) -> float:
    """Compute the mean log-probability of test frames if neurons were independent.

    In nats per frame.
    """
    fields = _independent_fields(train)
    per_neuron = test.mean_activity * fields - np.logaddexp(0, fields)
    return float(per_neuron.sum())


def _independent_fields(spikes: Spikes) -> NDArray[np.float64]:
    # Half a spike more keeps the fields of silent neurons finite.
    return np.asarray(logit((spikes.neuron_counts + 0.5) / (spikes.n_frames + 1.0)))
