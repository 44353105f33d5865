"""Pictures of activity over time, against counts by hand."""

import numpy as np

from napari_crbm.analysis import assembly_raster, neuron_raster, peaks
from napari_crbm.spikes import Spikes


def test_neurons_are_grouped_by_assembly_and_averaged():
    generator = np.random.default_rng(0)
    dense = generator.random((37, 12)) < 0.4
    weights = np.zeros((12, 3))
    assembly = np.array([2, 0, 1] * 4)
    weights[np.arange(12), assembly] = generator.uniform(0.5, 1, 12)
    raster = neuron_raster(Spikes.from_dense(dense), weights, most_rows=6, most_columns=10)
    assert raster.frames_per_column == 4 and raster.image.shape == (6, 10)
    order = sorted(range(12), key=lambda i: (assembly[i], -weights[i].max()))
    wanted = np.array(
        [
            [dense[4 * c : 4 * c + 4, order[2 * r : 2 * r + 2]].mean() for c in range(10)]
            for r in range(6)
        ]
    )
    np.testing.assert_array_equal(raster.rows, order[::2])
    top = np.quantile(wanted, 0.995)
    np.testing.assert_allclose(raster.image, np.clip(wanted / top, 0, 1), rtol=1e-5)


def test_without_a_model_the_most_active_come_first():
    dense = np.array([[1, 0, 1], [1, 0, 0], [1, 0, 0]])
    raster = neuron_raster(Spikes.from_dense(dense))
    np.testing.assert_array_equal(raster.rows, [0, 2, 1])


def test_similar_assemblies_become_neighbours():
    generator = np.random.default_rng(1)
    base = generator.random((200, 2)) < 0.1
    activity = np.column_stack([base[:, k] + 0.05 * generator.random(200) for k in (0, 1, 0, 1)])
    raster = assembly_raster(activity)
    assert {frozenset(raster.rows[:2].tolist()), frozenset(raster.rows[2:].tolist())} == {
        frozenset({0, 2}),
        frozenset({1, 3}),
    }
    assert raster.image.min() >= 0 and raster.image.max() <= 1
    assert assembly_raster(activity[:, :1]).image.shape == (1, 200)


def test_every_time_an_assembly_is_on_has_one_peak():
    activity = np.zeros(30)
    activity[3:6] = [4, 5, 4]
    activity[20:22] = [6, 4]
    activity[29] = 5
    np.testing.assert_array_equal(peaks(activity), [4, 20, 29])
    assert len(peaks(np.ones(5))) == 0
