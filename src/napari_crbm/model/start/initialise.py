"""Initial weights of a training: from rotated principal components, or random.

From small random weights the sparse penalty can win before any assembly has formed, and all weights
stay at zero. Principal components, as many as
exceed chance, rotated until each involves few neurons,
already approximate the assemblies. Training therefore starts from weights made of them.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from napari_crbm.errors import ModelError
from napari_crbm.model.compute import model_size
from napari_crbm.model.compute.blocks import row_blocks
from napari_crbm.model.compute.two_groups import two_values
from napari_crbm.model.start.chance import n_beyond_chance
from napari_crbm.model.start.components import (
    SURPLUS,
    principal_components,
    sparse_components,
)
from napari_crbm.model.start.effective_frames import effective_frames
from napari_crbm.model.start.refinement import all_assemblies, separated
from napari_crbm.spikes import Spikes

# A loading is kept if it is this many standard errors from zero.
_SIGNIFICANT = 3.0
# The same for loadings of large models: hardly any passes by chance.
_CERTAIN = 4.0
_MAX_WEIGHT = 3.0
#: Weights are computed for each assembly as if it were alone. Together assemblies would keep each
#: other active, so training starts from half the weights, which is stable, unless assemblies are
#: separated.
CAUTION = np.float32(0.5)
_AUTO_MIN, _AUTO_MAX = 5, 200
# Hidden units that "auto" uses per component of a small model.
_SPARE = 1.25


class Start(NamedTuple):
    """Initial weights (N, M), fields (N,), and which weights (N, M) the recording supports.

    ``by_chance`` says that no component of the recording is beyond chance.
    """

    weights: NDArray[np.float32]
    fields: NDArray[np.float32]
    supported: NDArray[np.bool_]
    by_chance: bool = False


def random_start(spikes: Spikes, n_hidden: int, random_state: int) -> Start:
    """Draw small random weights, with independent neurons (paper, Methods)."""
    generator = np.random.default_rng(random_state)
    scale = np.sqrt(0.1 / spikes.n_neurons)
    weights = np.empty((spikes.n_neurons, n_hidden), dtype=np.float32)
    for rows in row_blocks(spikes.n_neurons):
        weights[rows] = generator.normal(0.0, scale, weights[rows].shape)
    return Start(weights, independent_fields(spikes), np.zeros(weights.shape, dtype=bool))


def independent_fields(spikes: Spikes) -> NDArray[np.float32]:
    """Compute the fields of independent neurons with the recorded mean activity, (N,)."""
    v = spikes.mean_activity
    return np.asarray(np.log((v + 1e-6) / (1 - v + 1e-6)), dtype=np.float32)


def assembly_start(
    spikes: Spikes,
    n_hidden: int | str,
    random_state: int,
    coordinates: NDArray[np.floating] | None = None,
) -> Generator[int, None, Start]:
    """Compute initial weights from rotated principal components.

    Units without a component start from small random weights. In large models they start without
    weights, and exist only if ``n_hidden`` asks for them; there, further assemblies are looked for
    in the residual of the first ones, and all are separated, see `model.start.refinement`.

    Parameters
    ----------
    spikes : Spikes
        Training frames.
    n_hidden : int or "auto"
        Number of hidden units M, see `_n_units`; in large models "auto" uses as many as there
        are assemblies.
    random_state : int
    coordinates : (N, D) float, optional
        Positions of the neurons in micrometres, see `model.start.chance.n_beyond_chance`.

    Yields
    ------
    int
        Assemblies found so far.

    Returns
    -------
    Start

    Raises
    ------
    ModelError
        If ``n_hidden`` is not positive.
    """
    if n_hidden != "auto" and int(n_hidden) < 1:
        raise ModelError(f"A model needs at least one hidden unit; found n_hidden = {n_hidden}.")
    most = min(_AUTO_MAX if n_hidden == "auto" else int(n_hidden), spikes.n_neurons)
    n_kept = n_beyond_chance(spikes, most, random_state, coordinates)
    enough = _n_units(n_kept, spikes.n_neurons)
    n_units = min(enough, most) if n_hidden == "auto" else most
    if n_kept == 0:
        return random_start(spikes, n_units, random_state)._replace(by_chance=True)
    large = model_size.is_large(spikes.n_neurons, n_units)
    n_rotated = min(int(np.ceil(SURPLUS * n_kept)), min(spikes.shape) - 1)
    components = principal_components(spikes, n_rotated, random_state)
    courses, loadings = sparse_components(components, n_rotated, n_kept)
    del components
    yield n_kept
    if large:
        del loadings
        courses, loadings = yield from all_assemblies(spikes, courses, most, _CERTAIN, random_state)
        if courses.shape[1] == 0:
            return random_start(spikes, n_units, random_state)
        weights = weights_from_components(spikes, courses, loadings)
        weights = separated(spikes, weights, loadings)
        if n_hidden == "auto":
            n_units = max(weights.shape[1], _AUTO_MIN)
        start = _silent_start(spikes, n_units)
    else:
        weights = CAUTION * weights_from_components(spikes, courses, loadings)
        start = random_start(spikes, n_units, random_state)
    found = slice(weights.shape[1])
    start.weights[:, found] = weights
    start.supported[:, found] = weights != 0
    return Start(start.weights, start.fields - added_odds(weights, courses), start.supported)


def _silent_start(spikes: Spikes, n_hidden: int) -> Start:
    """Make a start without weights, of independent neurons."""
    weights = np.zeros((spikes.n_neurons, n_hidden), dtype=np.float32)
    return Start(weights, independent_fields(spikes), np.zeros(weights.shape, dtype=bool))


def _n_units(n_found: int, n_neurons: int) -> int:
    """Compute the number of hidden units for so many components beyond chance, at least 5.

    A quarter more than components, as far as the model stays small. In large models, units without
    a component would represent correlations of several assemblies, and couple these.
    """
    spare = min(int(np.ceil(_SPARE * n_found)), model_size.FEW // n_neurons)
    return max(spare, n_found, _AUTO_MIN)


def weights_from_components(
    spikes: Spikes, courses: NDArray[np.float32], loadings: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Compute weights (N, K) that reproduce the loadings if every course is on or off.

    A weight is the difference of a neuron's log-odds at the two values of a course, per unit of h.
    """
    on, off, _ = two_values(courses)
    floor = 0.5 / spikes.n_frames
    significant = _SIGNIFICANT / np.sqrt(effective_frames(spikes))
    weights = np.empty_like(loadings)
    for rows in row_blocks(len(loadings)):
        v = spikes.mean_activity[rows, None]
        covariance = loadings[rows] * np.sqrt(v * (1 - v))
        p_on = np.clip(v + covariance * on, floor, 0.98)
        p_off = np.clip(v + covariance * off, floor, 0.98)
        block = (logit(p_on) - logit(p_off)) / (on - off)
        block[np.abs(loadings[rows]) < significant] = 0.0
        weights[rows] = np.clip(block, -_MAX_WEIGHT, _MAX_WEIGHT)
    return weights


def added_odds(weights: NDArray[np.float32], courses: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute how much units add to the log-odds (N,) on average; fields compensate for it."""
    on, off, share = two_values(courses)
    added = np.empty(len(weights), dtype=np.float32)
    for rows in row_blocks(len(weights)):
        block = weights[rows]
        odds = share * np.exp(block * on) + (1 - share) * np.exp(block * off)
        added[rows] = np.log(odds).sum(axis=1)
    return added
