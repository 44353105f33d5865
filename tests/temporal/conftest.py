import pytest

from napari_crbm import CRBM
from napari_crbm.simulation import simulate


@pytest.fixture(scope="session")
def coupled():
    """A small recording of coupled assemblies."""
    return simulate(
        n_neurons=120,
        n_frames=900,
        n_assemblies=4,
        mean_activity=0.06,
        generator="dynamics",
        seed=3,
    ).recording


@pytest.fixture(scope="session")
def static(coupled):
    """The model without time of that recording."""
    return CRBM(n_hidden=4, n_updates=150, n_threads=2).fit(coupled)
