import numpy as np

from napari_crbm.simulation.fluorescence import (
    DECAY_S,
    RISE_S,
    FluorescenceSimulator,
    MemoryFluorescence,
)


def noiseless(simulator, spikes):
    """The mean over many neurons: noise averages out."""
    return simulator.block(spikes).mean(axis=1)


def test_a_spike_becomes_the_double_exponential_kernel():
    n_neurons, rate = 40_000, 4.0
    spikes = np.zeros((60, n_neurons), dtype=np.uint8)
    spikes[5] = 1
    trace = noiseless(FluorescenceSimulator(n_neurons, rate, seed=0), spikes)
    age = (np.arange(60) - 5 + 1) / rate
    kernel = np.where(age > 0, np.exp(-age / DECAY_S) - np.exp(-age / RISE_S), 0)
    scale = trace.max() / kernel.max()
    np.testing.assert_allclose(trace, scale * kernel, atol=0.01)
    # One spike peaks at the mean amplitude, exp(0.3^2 / 2).
    assert abs(trace.max() - 1.046) < 0.02


def test_blocks_continue_each_other():
    spikes = (np.random.default_rng(0).random((200, 2000)) < 0.05).astype(np.uint8)
    split, whole = (FluorescenceSimulator(2000, 4.0, seed=1) for _ in range(2))
    parts = np.concatenate([split.block(spikes[:77]), split.block(spikes[77:])])
    together = whole.block(spikes)
    # Noise differs from the second block on, the signal does not.
    assert parts.dtype == np.float32
    np.testing.assert_array_equal(parts[:77], together[:77])
    assert np.abs((parts - together).mean(axis=1)).max() < 0.05


def test_memory_fluorescence_gives_traces_and_frames():
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    fluorescence = MemoryFluorescence(values)
    assert fluorescence.shape == (3, 4)
    np.testing.assert_array_equal(fluorescence.trace(2), [2, 6, 10])
    np.testing.assert_array_equal(fluorescence.frames(1, 3), values[1:])
