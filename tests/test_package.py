"""What is shipped: light imports, layers that hold, a manifest that napari finds everywhere."""

import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from napari_crbm.viewer.docks.open import SINGLE, WIDGETS

ROOT = Path(__file__).parents[1]
HEAVY = {"numpy", "numba", "scipy", "pandas", "matplotlib", "napari", "qtpy", "h5py", "npe2"}


def python(code: str, **env: str) -> str:
    import os

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **env},
    )
    return done.stdout


IMPORT = "import sys, napari_crbm"
HELP = """
import sys
from napari_crbm.cli import main
sys.argv = ["napari-crbm", "--help"]
try:
    main()
except SystemExit as end:
    assert not end.code
"""
LOADED = "\nprint('loaded', *{m.split('.')[0] for m in sys.modules} - sys.stdlib_module_names)"


@pytest.mark.parametrize(
    ("what", "expected", "allowed"),
    [(IMPORT, {"napari_crbm"}, set()), (HELP, {"typer"}, {"numpy"})],
    ids=["package", "command line"],
)
def test_importing_is_light(what, expected, allowed):
    """What takes time is what is loaded: counted, so that other work cannot disturb it.

    The declared settings, of which the options are made, need NumPy.
    """
    loaded = set(python(what + LOADED).splitlines()[-1].split()[1:])
    assert expected <= loaded
    assert not (HEAVY - allowed) & loaded


def test_importing_the_package_loads_nothing_else():
    loaded = python(
        "import sys; before = set(sys.modules); import napari_crbm;"
        "print(*{m.split('.')[0] for m in set(sys.modules) - before} - sys.stdlib_module_names)"
    )
    assert set(loaded.split()) == {"napari_crbm"}


def test_the_public_names_exist():
    import napari_crbm

    for name in napari_crbm.__all__:
        assert getattr(napari_crbm, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = napari_crbm.nonsense


def test_layers_hold():
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports"))],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_the_manifest_is_visible_at_the_top_level():
    link = (ROOT / "napari.yaml").read_text().strip()
    packaged = (ROOT / "src/napari_crbm/napari.yaml").read_text().strip()
    # Where git cannot make links it leaves a file that holds the link's target.
    assert link in (packaged, "src/napari_crbm/napari.yaml")


DISCOVER = """
import json
from npe2 import PluginManifest
manifests = [result.manifest for result in PluginManifest.discover() if result.manifest]
found = [manifest for manifest in manifests if manifest.name == 'napari-crbm']
contributions = found[0].contributions
print(json.dumps({
    'count': len(found),
    'widgets': [w.display_name for w in contributions.widgets or []],
    'readers': len(contributions.readers or []),
    'samples': len(contributions.sample_data or []),
}))
import napari_crbm; print(napari_crbm.__file__)
"""


def test_npe2_finds_the_plugin_in_this_installation():
    found = json.loads(python(DISCOVER).splitlines()[0])
    assert found["count"] == 1
    assert found["readers"] and found["samples"]
    assert tuple(found["widgets"]) == (*WIDGETS, *SINGLE), "the menu follows the order of the docks"
    subprocess.run(
        [sys.executable, "-m", "npe2", "validate", "napari_crbm"], check=True, capture_output=True
    )


@pytest.fixture(scope="module")
def distributions(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )
    return {"wheel": next(folder.glob("*.whl")), "sdist": next(folder.glob("*.tar.gz"))}


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_npe2_finds_the_plugin_installed_from(kind, distributions, tmp_path):
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--target", str(tmp_path))
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, str(distributions[kind])],
        check=True,
        capture_output=True,
    )
    report, where = python(DISCOVER, PYTHONPATH=str(tmp_path)).splitlines()
    assert where.startswith(str(tmp_path))
    found = json.loads(report)
    assert found["widgets"] and found["readers"] and found["samples"]


def test_distributions_hold_what_they_should(distributions):
    with zipfile.ZipFile(distributions["wheel"]) as archive:
        wheel = archive.namelist()
    assert {"napari_crbm/napari.yaml", "napari_crbm/py.typed"} <= set(wheel)
    assert {"napari_crbm/sample_data/recording.h5", "napari_crbm/sample_data/model.h5"} <= set(
        wheel
    )
    assert not [name for name in wheel if name.startswith("tests")]
    with tarfile.open(distributions["sdist"]) as archive:
        sdist = {Path(*Path(name).parts[1:]).as_posix() for name in archive.getnames()}
    assert {"napari.yaml", "README.md", "LICENSE", "pyproject.toml"} <= sdist


def test_the_shipped_sample_is_small_and_belongs_together():
    from napari_crbm.io import load_model, open_recording
    from napari_crbm.simulation import load_truth

    folder = ROOT / "sample_data"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 5_000_000
    recording = open_recording(folder / "recording.h5")
    model = load_model(folder / "model.h5")
    assert model.recording_fingerprint_ == recording.spikes.fingerprint
    assert load_truth(folder / "recording.h5").membership.shape[0] == recording.n_neurons
