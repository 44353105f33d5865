import numpy as np
import pytest

from napari_crbm.anatomy import larval_fish
from napari_crbm.model import CRBM, DReLU
from napari_crbm.recording import Recording
from napari_crbm.spikes import Spikes


@pytest.fixture(scope="package")
def recording():
    rng = np.random.default_rng(0)
    coordinates, regions = larval_fish().sample(600, rng)
    spikes = Spikes.from_dense(rng.random((200, 600)) < 0.1)
    return Recording(coordinates, spikes, np.arange(200) / 4.0, name="small fish", regions=regions)


@pytest.fixture(scope="package")
def model(recording):
    """Assemblies 0 to 4 around a neuron each, with some negative weights; 5 is empty."""
    rng = np.random.default_rng(1)
    weights = np.zeros((600, 6), dtype=np.float32)
    for unit in range(5):
        distance = np.linalg.norm(recording.coordinates - recording.coordinates[100 * unit], axis=1)
        near = np.argsort(distance)[:30]
        weights[near, unit] = rng.uniform(0.3, 1.0, 30)
        weights[near[20:], unit] *= -1
    units = DReLU(np.ones(6), np.ones(6), np.zeros(6), np.zeros(6))
    history = {
        "update": np.arange(5.0),
        "pseudo_likelihood": -np.ones(5),
        "test_pseudo_likelihood": -1.1 * np.ones(5),
    }
    return CRBM.from_parameters(
        weights,
        np.full(600, -2.0),
        units,
        history=history,
        split={"train": np.arange(150), "test": np.r_[150:160, 180:200]},
        recording_fingerprint=recording.spikes.fingerprint,
    )


@pytest.fixture(scope="session")
def stays_on_page():
    """Return a function that tells whether all that is drawn of a figure is on its page."""

    def check(figure):
        figure.draw_without_rendering()
        box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
        return min(box.x0, box.y0) > -0.01 and box.x1 < width + 0.01 and box.y1 < height + 0.01

    return check
