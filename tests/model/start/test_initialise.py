import numpy as np
import pytest

from napari_crbm.errors import ModelError
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.start.components import Components, sparse_components, varimax
from napari_crbm.model.start.initialise import assembly_start
from napari_crbm.model.training.progress import outcome


def test_varimax_undoes_a_rotation_of_sparse_loadings():
    generator = np.random.default_rng(0)
    sparse = np.zeros((300, 3))
    for k in range(3):
        sparse[100 * k : 100 * k + 40, k] = generator.uniform(0.5, 1, 40)
    turn = np.linalg.qr(generator.normal(size=(3, 3)))[0]
    found = sparse @ turn @ varimax(sparse @ turn)
    match = np.abs(found.T @ sparse) / np.outer(
        np.linalg.norm(found, axis=0), np.linalg.norm(sparse, axis=0)
    )
    assert (match.max(axis=0) > 0.999).all()
    assert (found.sum(axis=0) > 0).all(), "members are positive"


@pytest.mark.parametrize(
    ("loadings", "found"),
    [
        (np.ones(5), "shape (5,), 0 values not finite"),
        (np.full((4, 2), np.nan), "8 values not finite"),
    ],
)
def test_loadings_that_cannot_be_rotated_are_refused(loadings, found):
    with pytest.raises(ModelError) as error:
        varimax(loadings)
    assert found in str(error.value)


def test_a_large_assembly_is_kept_rather_than_odd_frames():
    generator = np.random.default_rng(0)
    n_neurons, n_frames = 3000, 1000
    loadings = 0.02 * generator.normal(size=(n_neurons, 3))
    loadings[:300, 0] += 0.3
    loadings[300:360, 1] += 0.3
    # A few neurons stick out to both sides: uneven, but no members.
    loadings[:, 2] = 0.02 * generator.standard_t(3.5, n_neurons)
    courses = np.linalg.qr(generator.normal(size=(n_frames, 3)))[0] * np.sqrt(n_frames)
    unevenness = (loadings**4).mean(axis=0) / (loadings**2).mean(axis=0) ** 2
    assert unevenness[2] > unevenness[0]
    components = Components(
        courses.astype(np.float32), loadings.astype(np.float32), (loadings**2).sum(axis=0)
    )
    found, _ = sparse_components(components, 3, 2)
    match = np.abs(found.T @ courses) / n_frames
    assert match[:, :2].max(axis=0).min() > 0.95


@pytest.mark.parametrize("n_hidden", [0, -3])
def test_a_start_without_hidden_units_is_refused(planted, n_hidden):
    with pytest.raises(ModelError, match=f"n_hidden = {n_hidden}"):
        outcome(assembly_start(planted[0], n_hidden, 0))


def test_a_start_holds_planted_assemblies(planted):
    spikes, membership = planted
    with kernel_threads(1):
        start = outcome(assembly_start(spikes, 4, 0))
    inside = np.array([[start.weights[m, k].mean() for k in range(4)] for m in membership.T])
    outside = np.abs(start.weights[~membership.any(axis=1)]).mean()
    assert (inside.max(axis=1) > 20 * outside).all()
    assert np.array_equal(start.supported, start.weights != 0)
