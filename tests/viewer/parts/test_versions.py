"""A napari that does not fit is refused in one sentence; the pin of the extra says the same."""

import tomllib
from pathlib import Path

import pytest

from napari_crbm.errors import CRBMError
from napari_crbm.viewer.docks.train.widget import TrainWidget
from napari_crbm.viewer.parts.versions import BELOW, OLDEST, check_napari


def test_supported_versions_pass():
    check_napari("0.9.0")
    check_napari("0.9.3.dev4+gabc")
    check_napari()


@pytest.mark.parametrize("version", ["0.5.6", "0.8.1", "0.10.0", "1.0"])
def test_other_versions_are_named_with_what_to_install(version):
    with pytest.raises(CRBMError, match=rf"napari {version} is running.*napari>=0\.9,<0\.10"):
        check_napari(version)


def test_a_dock_in_another_napari_says_so(viewer, monkeypatch):
    monkeypatch.setattr("napari.__version__", "0.8.1")
    with pytest.raises(CRBMError, match=r"needs napari 0\.9"):
        TrainWidget(viewer)


def test_the_extra_asks_for_the_same_versions():
    text = (Path(__file__).parents[3] / "pyproject.toml").read_text()
    wanted = tomllib.loads(text)["project"]["optional-dependencies"]["all"]
    oldest, below = (".".join(map(str, version)) for version in (OLDEST, BELOW))
    assert any(each.endswith(f">={oldest},<{below}") for each in wanted if "napari[" in each)
