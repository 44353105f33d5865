r"""Predicted responses: continuations of a recorded past with and without a clamp.

From a recorded frame on, neurons are silent or driven, or a hidden unit has a given value. Every
frame then is an RBM that is clamped, with the drive of its past:

* silent neurons are left out of the model;
* a driven group S gets a common field :math:`\delta \ge 0`, the smallest with which at least so
  many of its neurons are active on average over the continuations,
  :math:`\sum_{i \in S} \langle \sigma(g_i + \delta + \sum_\mu w_{i\mu} h_\mu) \rangle \ge q`;
* a unit that is held at c adds :math:`c\, w_{i\mu}` to the fields, and later frames see it at c.

Both sets of continuations use the same random numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import expit

from napari_crbm.errors import ModelError
from napari_crbm.model.compute.randomness import stream
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.spikes import Spikes
from napari_crbm.temporal.jumps import Jumps
from napari_crbm.temporal.model import TemporalModel
from napari_crbm.temporal.rollout import GIBBS_STEPS, Walk, require_starts

#: Continuations of all pasts together, and of each past at least.
N_CONTINUATIONS, LEAST_CONTINUATIONS = 256, 8
#: Fewer pasts do not show how responses vary between them; continuations are counted instead.
FEWEST_STARTS = 8
# Field of a silent neuron, largest field of a driven group, and halvings that find the latter.
_CERTAIN, _LARGEST, _HALVINGS = np.float32(1e4), 30.0, 40
_PUSH, _LAST = 25, 26
_KEY = 1


@dataclass(frozen=True, eq=False)
class Clamp:
    """What is done to a model.

    Parameters
    ----------
    neurons : (n,) int64
        Neurons that are silent, or driven; none if a unit is held.
    level : float, optional
        Active neurons of the group, on average at least; silent if None.
    unit : int
        Hidden unit that is held; -1 for none.
    value : float
        Its value.
    """

    neurons: NDArray[np.int64]
    level: float | None = None
    unit: int = -1
    value: float = 0.0

    def of(self, model: TemporalModel) -> TemporalModel:
        """Return the clamped model, before a driven group gets its field."""
        fields, rbm = model.fields.copy(), model.rbm
        if self.unit >= 0:
            weights = rbm.weights.copy()
            fields += np.float32(self.value) * weights[:, self.unit]
            weights[:, self.unit] = 0
            rbm = replace(rbm, weights=weights)
        elif self.level is None:
            fields[self.neurons] = -_CERTAIN
        return replace(model, rbm=rbm, fields=fields)


@dataclass(frozen=True, eq=False)
class Courses:
    """Activity after recorded pasts: first without the clamp, then with it.

    Parameters
    ----------
    times_s : (T,) float64
        Seconds after the last recorded frame.
    assemblies : (2, T, K, M) float32
        Standardised activity. K replicates: the mean of each past, or with few pasts each
        continuation.
    groups : (2, T, K, G) float32
        Mean probability of the neurons of each group.
    neurons : (2, T, N) float32
        Probability of each neuron, mean over all continuations.
    """

    times_s: NDArray[np.float64]
    assemblies: NDArray[np.float32]
    groups: NDArray[np.float32]
    neurons: NDArray[np.float32]


class _Clamped(Walk):
    """Continuations that are clamped for some frames, then free."""

    clamp: Clamp | None = None

    def put(self, clamp: Clamp | None, free: TemporalModel, jumps: Jumps) -> None:
        """Clamp from the next frame on, or let go with None."""
        self.clamp = clamp
        self.model = free if clamp is None else clamp.of(free)
        own = jumps if clamp is None else jumps.with_weights(self.model.rbm)
        self.chains.change_model(self.model.rbm, self.model.fields, own)

    def before_step(self, drive: NDArray[np.float32], step: int) -> None:
        """Give a driven group its field."""
        clamp, chains = self.clamp, self.chains
        if clamp is None or clamp.level is None:
            return
        key = stream(self._key[0], _PUSH, self._key[1], self.ahead, step)
        hidden = chains.rbm.hidden.sample(chains.inputs + drive[chains.place], key)
        fields = self.model.fields.copy()
        own = hidden @ chains.rbm.weights[clamp.neurons].T + fields[clamp.neurons]
        fields[clamp.neurons] += np.float32(push(own, clamp.level))
        chains.fields = fields

    def seen(self, now: NDArray[np.float32]) -> NDArray[np.float32]:
        """Let later frames see a held unit at its value."""
        if self.clamp is not None and self.clamp.unit >= 0:
            unit = self.clamp.unit
            now[:, unit] = (self.clamp.value - self.model.centre[unit]) / self.model.scale[unit]
        return now


def push(odds: NDArray[np.floating], level: float) -> float:
    """Find the smallest field, not below 0, with which ``level`` neurons are active on average.

    Parameters
    ----------
    odds : (C, n) float
        Log-odds of the neurons of a group without it.
    level : float
        At most n.
    """
    low, high = 0.0, _LARGEST
    if float(expit(odds).sum(axis=1).mean()) >= level:
        return low
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        enough = float(expit(odds + middle).sum(axis=1).mean()) >= level
        low, high = (low, middle) if enough else (middle, high)
    return high


def respond(
    model: TemporalModel,
    spikes: Spikes,
    starts: NDArray[np.integer],
    n_frames: int,
    clamp: Clamp,
    *,
    lasting: int | None = None,
    groups: sparse.sparray | None = None,
    activity: NDArray[np.floating] | None = None,
    n_particles: int | None = None,
    gibbs_steps: int = GIBBS_STEPS,
    random_state: int = 0,
    report: Callable[[int, int], None] | None = None,
) -> Courses:
    """Continue recorded pasts with and without a clamp.

    Parameters
    ----------
    model : TemporalModel
    spikes : Spikes
        The whole recording.
    starts : (S,) int
        Last recorded frames; the clamp begins with the frame after. The frames before them must
        belong to the same segment.
    n_frames : int
    clamp : Clamp
    lasting : int, optional
        Frames after which the clamp ends; by default it does not.
    groups : sparse (N, G), optional
        Weights of the neurons in the mean of each group.
    activity : (T, M) float, optional
        ``model.activity(spikes)``; computed if not given.
    n_particles : int, optional
        Continuations of each past.
    gibbs_steps, random_state : int
    report : callable, optional
        Called with frames done and frames in all; may raise to cancel.

    Raises
    ------
    ModelError
        If a start has too few frames before it, the recording has other neurons, or no frame is
        asked for.
    """
    model.rbm.require_neurons(spikes)
    first: NDArray[np.int64] = np.asarray(starts, dtype=np.int64)
    require_starts(model, spikes, first)
    if n_frames < 1 or (lasting is not None and lasting < 1):
        raise ModelError("A response needs at least one frame, and a clamp that lasts one.")
    n_each = n_particles or max(N_CONTINUATIONS // len(first), LEAST_CONTINUATIONS)
    owner = np.repeat(first, n_each)
    courses = model.activity(spikes) if activity is None else activity
    groups = sparse.csr_array((model.n_neurons, 0)) if groups is None else groups
    with kernel_threads(model.rbm.n_threads):
        past = spikes.select_frames(np.arange(int(first.max()) + 1))
        jumps = Jumps.of(model.rbm, model.rbm.inputs_h_from_v(past))
    n_replicates = len(first) if len(first) >= FEWEST_STARTS else len(owner)
    n_groups = int(groups.shape[1])
    assemblies = np.empty((2, n_frames, n_replicates, model.n_assemblies), dtype=np.float32)
    of_groups = np.empty((2, n_frames, n_replicates, n_groups), dtype=np.float32)
    neurons = np.empty((2, n_frames, model.n_neurons), dtype=np.float32)
    for with_clamp in (False, True):
        with kernel_threads(model.rbm.n_threads):
            key = (random_state, _KEY)
            walk = _Clamped(model, spikes, owner, courses, jumps, key, gibbs_steps)
            if with_clamp:
                walk.put(clamp, model, jumps)
        for frame in range(n_frames):
            if report is not None:
                report(frame + with_clamp * n_frames, 2 * n_frames)
            with kernel_threads(model.rbm.n_threads):
                if with_clamp and frame == lasting:
                    walk.put(None, model, jumps)
                chance = _frame(walk, (random_state, frame))
                part = int(with_clamp)
                neurons[part, frame] = chance.mean(axis=0)
                of_groups[part, frame] = _means(np.asarray(chance @ groups), n_replicates)
                assemblies[part, frame] = _means(walk.activity, n_replicates)
    if report is not None:
        report(2 * n_frames, 2 * n_frames)
    times = np.arange(1, n_frames + 1, dtype=np.float64) * model.frame_interval_s
    return Courses(np.asarray(times), assemblies, of_groups, neurons)


def _frame(walk: _Clamped, key: tuple[int, int]) -> NDArray[np.float32]:
    """Go one frame ahead; return the probability of every neuron, (C, N)."""
    chains, n_added = walk.chains, 0
    chance = np.zeros((len(chains), chains.rbm.n_neurons), dtype=np.float32)
    for step, drive in walk.steps():
        if 2 * step >= walk.gibbs_steps - 1:
            own = stream(key[0], _LAST, key[1], step)
            hidden = chains.rbm.hidden.sample(chains.inputs + drive[chains.place], own)
            chance[chains.place] += expit(hidden @ chains.rbm.weights.T + chains.fields)
            n_added += 1
    chance /= n_added
    return chance


def _means(values: NDArray[np.floating], n_replicates: int) -> NDArray[np.floating]:
    """Average the continuations (C, ...) of each replicate."""
    return np.asarray(
        values.reshape(n_replicates, len(values) // n_replicates, values.shape[1]).mean(axis=1)
    )
