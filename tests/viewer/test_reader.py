"""Files given to napari, read by the plugin's reader."""

import numpy as np
import pytest

from napari_crbm.io import save_recording
from napari_crbm.viewer.layers.names import NEURONS
from napari_crbm.viewer.reader import get_reader
from tests.io.formats.test_suite2p import write_plane
from tests.viewer.conftest import until


@pytest.mark.filterwarnings("ignore:Suite2p does not store:UserWarning")
def test_a_suite2p_folder_can_be_dropped(viewer, home, tmp_path, qtbot):
    write_plane(tmp_path / "suite2p" / "plane0")
    viewer.open(str(tmp_path / "suite2p"), plugin="napari-crbm")
    until(qtbot, lambda: home.workspace.recording is not None)
    assert home.workspace.recording.n_neurons == 9
    assert get_reader(str(tmp_path)) is not None


def test_a_wrong_file_given_to_our_reader_is_said_in_a_sentence(
    viewer, home, tmp_path, monkeypatch
):
    """By *File > Open* with our reader chosen, or by ``viewer.open(..., plugin=...)``."""
    said = []
    monkeypatch.setattr("napari.utils.notifications.show_error", said.append)
    paths = [tmp_path / name for name in ("noise.h5", "empty.h5", "text.mat", "none.npz")]
    paths[0].write_bytes(b"x" * 900)
    paths[1].touch()
    paths[2].write_text("no data")
    np.savez(paths[3], x=np.zeros(3))
    (tmp_path / "folder").mkdir()
    for path in [*paths, tmp_path / "folder"]:
        assert viewer.open(str(path), plugin="napari-crbm") == []
        assert len(said) == 1 and path.name in said[0] and "\n" not in said.pop(), path.name
    viewer.open(str(tmp_path / "folder"), plugin="napari-crbm")
    assert "open the file in it" in said.pop() and not said
    assert viewer.open([str(path) for path in paths[:2]], plugin="napari-crbm", stack=True) == []
    assert said == ["Open one recording at a time; it may be a file or a folder."]
    assert home.workspace.recording is None and len(viewer.layers) == 0


def test_without_a_viewer_other_readers_are_asked(tmp_path):
    (tmp_path / "noise.h5").write_bytes(b"x" * 900)
    assert get_reader(str(tmp_path / "noise.h5")) is None


def test_dropped_files_reach_the_workspace(viewer, home, recording, tmp_path):
    path = tmp_path / "fish.h5"
    save_recording(recording, path)
    viewer.open(path, plugin="napari-crbm")
    assert home.workspace.recording.fingerprint == recording.fingerprint
    assert [layer.name for layer in viewer.layers].count(NEURONS) == 1
