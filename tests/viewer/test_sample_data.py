"""Sample recordings of the File menu."""

from napari_crbm.viewer.layers.names import ASSEMBLY
from tests.viewer.conftest import until


def test_the_sample_opens_with_its_model(viewer, home, qtbot):
    viewer.open_sample("napari-crbm", "small")
    until(qtbot, lambda: home.workspace.trained is not None)
    assert home.workspace.recording.n_neurons == 2000
    assert ASSEMBLY in viewer.layers


def test_the_paper_scale_sample_is_simulated_once_and_kept(monkeypatch, tmp_path):
    from napari_crbm.viewer import sample_data

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    small = {"n_neurons": 300, "n_frames": 300, "n_assemblies": 3, "seed": 1}
    monkeypatch.setattr(sample_data, "_PAPER_SCALE", small)
    reports = []
    path = sample_data.paper_scale_recording(lambda done, total: reports.append((done, total)))
    assert reports[-1] == (300, 300)
    before = path.stat().st_mtime_ns
    assert sample_data.paper_scale_recording(lambda *_: None).stat().st_mtime_ns == before
