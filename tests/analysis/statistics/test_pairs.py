import numpy as np
import pytest

from napari_crbm.analysis import agreement
from napari_crbm.analysis.statistics.pairs import coincidences, compare_pairs
from napari_crbm.errors import ModelError
from napari_crbm.spikes import Spikes


def rasters(n_neurons, sizes=(700, 531, 64), seed=0):
    """Three recordings with shared correlations, of lengths that fill words and do not."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(n_neurons, 3))
    base = rng.uniform(-3, -0.5, n_neurons)
    return [
        rng.random((size, n_neurons))
        < 1 / (1 + np.exp(-(base + rng.normal(size=(size, 3)) @ weights.T)))
        for size in sizes
    ]


@pytest.mark.parametrize("n_neurons", [2, 63, 64, 200])
def test_all_pairs_equal_a_brute_force_comparison(n_neurons):
    parts = rasters(n_neurons)
    got = compare_pairs(*map(Spikes.from_dense, parts))
    pairs = np.triu_indices(n_neurons, 1)
    expected = agreement(*(np.cov(part.astype(float).T, bias=True)[pairs] for part in parts))
    for name, value in vars(expected).items():
        np.testing.assert_allclose(getattr(got.agreement, name), value, rtol=1e-9, err_msg=name)


def test_coincidences_are_exact():
    raster = rasters(70)[0].astype(np.int64)
    np.testing.assert_array_equal(coincidences(Spikes.from_dense(raster)), raster.T @ raster)


def test_every_pair_is_in_the_histogram_at_its_place():
    parts = rasters(90)
    got = compare_pairs(*map(Spikes.from_dense, parts))
    pairs = np.triu_indices(90, 1)
    model, _, test = (np.cov(part.astype(float).T, bias=True)[pairs] for part in parts)
    clipped = [np.clip(v, got.edges[0], np.nextafter(got.edges[-1], -1)) for v in (model, test)]
    expected = np.histogram2d(*clipped, bins=[got.edges] * 2)[0]
    # Values on the edge of a bin may fall to either side of it.
    assert np.abs(got.counts - expected).sum() <= 4
    assert got.counts.sum() == 90 * 89 // 2


def test_a_recording_agrees_with_itself_and_threads_do_not_matter():
    parts = [Spikes.from_dense(part) for part in rasters(150)]
    one, two = (compare_pairs(*parts, n_threads=n) for n in (1, 2))
    assert one.agreement == two.agreement
    np.testing.assert_array_equal(one.counts, two.counts)
    assert compare_pairs(parts[1], parts[1], parts[2]).agreement.nrmse == 0.0


def test_progress_and_cancel():
    seen = []
    parts = [Spikes.from_dense(part) for part in rasters(150)]
    compare_pairs(*parts, report=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (6, 6)

    def cancel(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare_pairs(*parts, report=cancel)


def test_neurons_must_be_the_same():
    parts = [Spikes.from_dense(part) for part in rasters(20)]
    with pytest.raises(ModelError, match="same neurons"):
        compare_pairs(parts[0], parts[1], parts[2].select_neurons(np.arange(19)))
