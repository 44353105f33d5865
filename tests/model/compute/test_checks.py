"""Arrays of the wrong shape or type give our error before compiled code reads beyond them."""

from __future__ import annotations

import numpy as np
import pytest

from napari_crbm.errors import ModelError
from napari_crbm.model.backends import NUMBA
from napari_crbm.model.compute.active_weights import ActiveSet
from napari_crbm.model.compute.checks import require
from napari_crbm.model.compute.kernels.weight_update import ACTIVE
from napari_crbm.model.compute.randomness import stream
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.compute.weights import DenseWeights, SparseWeights, in_vectors
from napari_crbm.model.units.drelu import DReLU
from napari_crbm.spikes import Spikes

N, M, B = 130, 5, 70
KEY = stream(0)
UNITS = DReLU(*np.ones((4, M)))
FIELDS = np.zeros(N, dtype=np.float32)
WEIGHTS = np.ones((N, M), dtype=np.float32)
SPIKES = Spikes.from_dense(np.eye(90, N))
FORMS = [DenseWeights(WEIGHTS), SparseWeights.where(WEIGHTS, WEIGHTS > 0)]

GOOD = {
    "fields": FIELDS,
    "units": UNITS,
    "inputs": np.zeros((B, M), dtype=np.float32),
    "bits": np.zeros((N, 2), dtype=np.uint64),
}
BAD_CHAINS = {
    "short fields": ("fields", FIELDS[:-1]),
    "double fields": ("fields", FIELDS.astype(float)),
    "too few units": ("units", DReLU(*np.ones((4, M - 1)))),
    "too many units": ("units", DReLU(*np.ones((4, M + 1)))),
    "narrow inputs": ("inputs", np.zeros((B, M - 1), dtype=np.float32)),
    "wide inputs": ("inputs", np.zeros((B, M + 1), dtype=np.float32)),
    "double inputs": ("inputs", np.zeros((B, M))),
    "flat inputs": ("inputs", np.zeros(B * M, dtype=np.float32)),
    "too few neurons": ("bits", np.zeros((N - 1, 2), dtype=np.uint64)),
    "too few words": ("bits", np.zeros((N, 1), dtype=np.uint64)),
    "signed words": ("bits", np.zeros((N, 2), dtype=np.int64)),
    "no array": ("bits", [[0, 0]] * N),
}


def chains(**changes):
    given = {**GOOD, **changes}
    return [value.copy() if isinstance(value, np.ndarray) else value for value in given.values()]


@pytest.mark.parametrize("form", FORMS, ids=["dense", "sparse"])
@pytest.mark.parametrize("which", BAD_CHAINS)
def test_gibbs_steps(form, which):
    with pytest.raises(ModelError, match="must"):
        form.gibbs(*chains(**dict([BAD_CHAINS[which]])), KEY, 1)


@pytest.mark.parametrize("form", FORMS, ids=["dense", "sparse"])
@pytest.mark.parametrize("which", [k for k in BAD_CHAINS if "field" not in k and "unit" not in k])
def test_projection_of_bits(form, which):
    _, _, inputs, bits = chains(**dict([BAD_CHAINS[which]]))
    with pytest.raises(ModelError, match="must"):
        form.project_bits(bits, inputs)


@pytest.mark.parametrize("form", FORMS, ids=["dense", "sparse"])
@pytest.mark.parametrize(
    ("frames", "inputs"),
    [
        (np.array([0, 90]), np.zeros((2, M), np.float32)),
        (np.array([-1, 3]), np.zeros((2, M), np.float32)),
        (np.array([0.0, 1.0]), np.zeros((2, M), np.float32)),
        (np.array([0, 1]), np.zeros((3, M), np.float32)),
        (np.array([0, 1]), np.zeros((2, M + 2), np.float32)),
    ],
)
def test_projection_of_frames(form, frames, inputs):
    with pytest.raises(ModelError, match="must"):
        form.project_frames(SPIKES, frames, inputs)


def test_projection_of_another_recording():
    with pytest.raises(ModelError, match="130 neurons; the recording has 90"):
        FORMS[0].project_frames(Spikes.from_dense(np.eye(90)), np.arange(2), GOOD["inputs"][:2])


@pytest.mark.parametrize("form", FORMS, ids=["dense", "sparse"])
def test_draws_of_neurons(form):
    hidden = in_vectors(GOOD["inputs"])
    with pytest.raises(ModelError, match="must"):
        form.draw_neurons(FIELDS, hidden[:, :-16], *chains()[2:], KEY)


def test_ascent():
    active = ActiveSet(WEIGHTS.copy(), WEIGHTS * 0, np.full((N, M), ACTIVE))
    bits, values = np.zeros((N, 2), np.uint64), np.zeros((B, M), np.float32)
    rates = tuple(np.float32(1) for _ in range(6))
    centre, means = np.zeros(M, np.float32), (FIELDS, np.zeros(M))
    good = [(bits, values), (bits, values), centre, rates, means, FIELDS.copy(), values.copy()]
    with kernel_threads():
        active.step(*good)
    for position, bad in (
        (0, (bits[:, :1], values)),
        (0, (bits, values[:, 1:])),
        (1, (bits[1:], values)),
        (2, centre[1:]),
        (4, (FIELDS[1:], means[1])),
        (4, (FIELDS, centre)),
        (5, FIELDS[1:]),
        (6, values[1:]),
    ):
        with pytest.raises(ModelError, match="must"):
            active.step(*(bad if k == position else value for k, value in enumerate(good)))
    with pytest.raises(ModelError, match="roles must have shape"):
        ActiveSet(WEIGHTS, WEIGHTS, np.zeros((N, M + 1), np.uint8))


@pytest.mark.parametrize("function", [DReLU.moments, DReLU.mean, DReLU.cumulant, DReLU.sample])
def test_hidden_units(function):
    key = (KEY,) if function is DReLU.sample else ()
    for inputs, units in (
        (np.zeros((B, M + 1)), UNITS),
        (np.zeros((B, M - 1)), UNITS),
        (np.zeros(M), UNITS),
        (np.zeros((B, M), dtype=int), UNITS),
        (np.zeros((B, M)), UNITS._replace(theta_plus=np.zeros(M - 1))),
    ):
        with pytest.raises(ModelError, match="Inputs must be numbers of shape"):
            function(units, inputs, *key)


def test_the_little_noise_gradient():
    active = ActiveSet(WEIGHTS, WEIGHTS * 0, np.full((N, M), ACTIVE))
    values = np.zeros((90, M), np.float32)
    with pytest.raises(ModelError, match="values must have shape"):
        NUMBA.correlate(SPIKES, values[1:])
    with pytest.raises(ModelError, match="gradient must have shape"):
        NUMBA.subtract_expected(active, FIELDS, values, values, WEIGHTS[1:])
    with pytest.raises(ModelError, match="bits must have shape"):
        NUMBA.take_frames(SPIKES, np.arange(65), np.zeros((N, 1), np.uint64))


def test_the_sentence_says_what_was_found():
    with pytest.raises(ModelError) as caught:
        require("fields", np.zeros((3, 2)), (3, None, 4), np.float32)
    assert str(caught.value) == (
        "fields must have shape (3, any, 4) and type float32; found shape (3, 2) and type float64."
    )
