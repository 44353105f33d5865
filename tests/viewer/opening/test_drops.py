"""One file of every format is dropped on the viewer, as napari hands it over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from napari.utils.notifications import NotificationSeverity, notification_manager
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication
from scipy.io import savemat

from napari_crbm.io import (
    read_kind,
    save_model,
    save_nwb,
    save_recording,
    save_weights,
)
from napari_crbm.io.registry import READERS
from napari_crbm.viewer.layers.names import NEURONS
from napari_crbm.viewer.opening.mapping_dialog import MappingDialog
from napari_crbm.viewer.reader import get_reader
from tests.io.files import PaperContent, small_recording
from tests.io.formats.test_caiman import write as write_caiman
from tests.io.formats.test_named_axes import Truth, anndata
from tests.io.formats.test_programs import chen, romano, voluseg
from tests.io.formats.test_spike_lists import XYZ as LISTS_XYZ
from tests.io.formats.test_spike_lists import pairs_npz
from tests.io.formats.test_suite2p import write_plane
from tests.io.unknown.test_zapbench import XYZ as ZAP_XYZ
from tests.io.unknown.test_zapbench import release
from tests.viewer.conftest import until

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

SPIKES = np.random.default_rng(0).random((40, 9)) < 0.2
XYZ = np.random.default_rng(1).random((9, 3)) * 90

#: What to drop, and where its neurons must be: z, y, x in micrometres.
Dropped = tuple[Path, np.ndarray]


def own(folder: Path) -> Dropped:
    recording = small_recording()
    return save_recording(recording, folder / "own.h5"), recording.coordinates


def nwb(folder: Path) -> Dropped:
    pytest.importorskip("pynwb")
    recording = small_recording()
    return save_nwb(recording, folder / "fish.nwb"), recording.coordinates


def paper(folder: Path) -> Dropped:
    content = PaperContent()
    zyx = 1000 * content.xyz_mm[:, ::-1]
    return content.write(folder / "paper.h5"), [276, 0, 0] - zyx * [1, -1, -1]


def suite2p(folder: Path) -> Dropped:
    content = write_plane(folder / "s2p" / "suite2p" / "plane0")
    kept = content["iscell"][:, 0] == 1
    yx = np.array([cell["med"] for cell in content["stat"][kept]])
    return folder / "s2p" / "suite2p", np.column_stack([np.zeros(len(yx)), yx])


def suite2p_for_matlab(folder: Path) -> Dropped:
    content = write_plane(folder / "plane0")
    arrays = {name: content[name] for name in ("F", "Fneu", "spks", "iscell", "stat")}
    savemat(folder / "Fall.mat", arrays | {"ops": {"fs": 3.9}})
    kept = content["iscell"][:, 0] == 1
    yx = np.array([cell["med"] for cell in content["stat"][kept]])
    return folder / "Fall.mat", np.column_stack([np.zeros(len(yx)), yx])


def caiman(folder: Path) -> Dropped:
    _, centres, _ = write_caiman(folder / "caiman.hdf5")
    return folder / "caiman.hdf5", np.column_stack([np.zeros(len(centres)), 0.5 * centres])


def voluseg_cells(folder: Path) -> Dropped:
    _, centres, _ = voluseg(folder / "cells0_clean.hdf5")
    return folder / "cells0_clean.hdf5", centres[:, ::-1] * [10, 1, 1]


def chen_fish(folder: Path) -> Dropped:
    _, rows, data, _ = chen(folder / "subject_1", new=True)
    row, column, plane = data["CellXYZ_norm"][rows].T
    return folder / "subject_1", np.stack([276 - 2 * plane, 0.798 * row, 0.798 * column], axis=1)


def romano_fish(folder: Path) -> Dropped:
    _, centres, plane, _ = romano(folder, new=True)
    return folder / "fish_RASTER.mat", np.column_stack([10 * (plane - 1), centres])


def npz(folder: Path) -> Dropped:
    np.savez(folder / "rastermap.npz", spks=SPIKES.astype("u1"), xyz=XYZ)
    return folder / "rastermap.npz", XYZ[:, ::-1]


def mat(folder: Path) -> Dropped:
    savemat(folder / "rastermap.mat", {"spks": SPIKES.astype("u1"), "xyz": XYZ})
    return folder / "rastermap.mat", XYZ[:, ::-1]


def spike_times(folder: Path) -> Dropped:
    folder = tmp_folder(folder, "ks")
    path = pairs_npz(folder)
    return path, LISTS_XYZ[:, ::-1]


def zapbench_fish(folder: Path) -> Dropped:
    folder = tmp_folder(folder, "zap")
    release(folder, 300)
    return folder, ZAP_XYZ[:, [2, 0, 1]] * [4, 0.406, 0.406]


def annotated(folder: Path) -> Dropped:
    anndata(folder / "fish.h5ad")
    return folder / "fish.h5ad", Truth.xyz[:, ::-1]


def tmp_folder(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return folder / name


KINDS: dict[Callable[[Path], Dropped], str] = {
    own: "recording",
    nwb: "nwb-recording",
    paper: "paper-recording",
    suite2p: "suite2p-recording",
    spike_times: "spike-times-recording",
    zapbench_fish: "zapbench-recording",
    suite2p_for_matlab: "suite2p-matlab-recording",
    caiman: "caiman-recording",
    voluseg_cells: "voluseg-recording",
    annotated: "named-axes-recording",
    chen_fish: "chen2018-recording",
    romano_fish: "romano-recording",
    npz: "array-recording",
    mat: "array-recording",
}


def drop(viewer, path: Path, modifiers=Qt.KeyboardModifier.NoModifier) -> None:
    """Let go of a file or folder over the canvas."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    over = QPoint(50, 50), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, modifiers
    target = viewer.window._qt_viewer
    # Qt drops on nothing that has not said, when entered, that it wants it.
    QApplication.sendEvent(target, QDragEnterEvent(*over))
    QApplication.sendEvent(target, QDropEvent(QPointF(over[0]), *over[1:]))


@pytest.fixture
def complaints(errors):
    """What a person was told that is no mere advice."""
    notification_manager.records.clear()

    def told() -> list[str]:
        shown = [
            record.message
            for record in notification_manager.records
            if record.severity >= NotificationSeverity.ERROR
        ]
        return shown + errors

    return told


def test_there_is_one_of_every_format():
    assert set(KINDS.values()) == {reader.kind for reader in READERS}


def test_every_format_shows_its_neurons_where_they_are(viewer, home, qtbot, tmp_path, complaints):
    for number, (made, kind) in enumerate(KINDS.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        path, zyx = made(folder)
        assert read_kind(path) == kind and get_reader(str(path)) is not None, kind
        before = home.workspace.recording
        drop(viewer, path)
        until(qtbot, lambda before=before: home.workspace.recording is not before)
        recording = home.workspace.recording
        assert recording.source.path == path and not complaints(), kind
        layer = viewer.layers[NEURONS]
        np.testing.assert_allclose(layer.data, zyx, rtol=1e-4, atol=2e-3, err_msg=kind)
        assert viewer.window._qt_window.findChild(MappingDialog) is None, kind


def test_an_unknown_layout_with_a_table_of_cells_is_asked_about(
    viewer, home, qtbot, tmp_path, complaints, monkeypatch
):
    h5py = pytest.importorskip("h5py")
    monkeypatch.setenv("NAPARI_CRBM_PROFILES", str(tmp_path / "profiles"))
    with h5py.File(tmp_path / "lab.h5", "w") as file:
        file["session/measured"] = SPIKES.astype("u1")
    rows = [f"{x},{y},{z},{'tectum' if x < 45 else ''}" for x, y, z in XYZ]
    (tmp_path / "lab_cells.csv").write_text("\n".join(["x,y,z,region", *rows]))
    # As chosen in napari's own question: the file could as well be a picture.
    assert viewer.open(str(tmp_path / "lab.h5"), plugin="napari-crbm") == []
    window = viewer.window._qt_window
    until(qtbot, lambda: window.findChild(MappingDialog) is not None)
    dialog = window.findChild(MappingDialog)
    until(qtbot, lambda: dialog.ok.isEnabled())
    assert dialog.profile.labels == "lab_cells.csv/region"
    dialog.accept()
    until(qtbot, lambda: home.workspace.recording is not None)
    np.testing.assert_allclose(viewer.layers[NEURONS].data, XYZ[:, ::-1], rtol=1e-5)
    assert home.workspace.recording.regions.names == ("tectum",) and not complaints()


def table_csv(folder: Path) -> Path:
    """Traces and positions as a spreadsheet program writes them, side by side."""
    header = ",".join(f"cell{k}" for k in range(9))
    rows = [",".join(f"{value:.4f}" for value in row) for row in SPIKES + 0.01]
    (folder / "fish.csv").write_text("\n".join([header, *rows]))
    rows = [f"{x:.3f},{y:.3f},{z:.3f}" for x, y, z in XYZ]
    (folder / "fish_positions.csv").write_text("\n".join(["x,y,z", *rows]))
    return folder / "fish.csv"


def workbook(folder: Path) -> Path:
    pd, _ = pytest.importorskip("pandas"), pytest.importorskip("openpyxl")
    with pd.ExcelWriter(folder / "fish.xlsx") as book:
        pd.DataFrame(SPIKES + 0.01).to_excel(book, sheet_name="traces", index=False)
        pd.DataFrame(XYZ, columns=list("xyz")).to_excel(book, sheet_name="cells", index=False)
    return folder / "fish.xlsx"


def arrays(folder: Path) -> Path:
    folder = tmp_folder(folder, "fish")
    np.save(folder / "dff.npy", SPIKES + 0.01)
    np.save(folder / "positions.npy", XYZ)
    return folder


def text(folder: Path) -> Path:
    """Numbers as text under an ending of its own, positions beside."""
    path = table_csv(folder).rename(folder / "fish.ca2")
    lines = path.read_text().splitlines()[1:]
    path.write_text("\n".join(line.replace(",", " ") for line in lines))
    return path


@pytest.mark.parametrize("made", [table_csv, workbook, arrays, text])
def test_what_labs_have_is_asked_about_with_the_answers_filled_in(
    made, viewer, home, qtbot, tmp_path, complaints, monkeypatch
):
    monkeypatch.setenv("NAPARI_CRBM_PROFILES", str(tmp_path / "profiles"))
    path = made(tmp_path)
    drop(viewer, path)
    window = viewer.window._qt_window
    until(qtbot, lambda: window.findChild(MappingDialog) is not None)
    dialog = window.findChild(MappingDialog)
    until(qtbot, lambda: dialog.ok.isEnabled())
    dialog.accept()
    until(qtbot, lambda: home.workspace.recording is not None and not home.busy)
    recording = home.workspace.recording
    assert (recording.n_neurons, recording.n_frames) == (9, 40) and not complaints()
    np.testing.assert_allclose(viewer.layers[NEURONS].data, XYZ[:, ::-1], atol=2e-3)


def test_other_drops_are_left_to_napari(viewer, home, tmp_path, monkeypatch):
    left = []
    monkeypatch.setattr(
        type(viewer.window._qt_viewer), "_qt_open", lambda _, names, **more: left.append(names[0])
    )
    np.save(tmp_path / "picture.npy", SPIKES)
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "points.csv").write_text("index,axis-0,axis-1\n0,1.0,2.0\n")
    assert get_reader(str(tmp_path / "points.csv")) is None
    save_recording(small_recording(), tmp_path / "own.h5")
    for name in ("picture.npy", "notes.txt", "folder", "points.csv"):
        drop(viewer, tmp_path / name)
    drop(viewer, tmp_path / "own.h5", Qt.KeyboardModifier.ShiftModifier)
    names = [Path(name if isinstance(name, str) else name[0]).name for name in left]
    assert names == ["picture.npy", "notes.txt", "folder", "points.csv", "own.h5"] and not home.busy


def test_every_kind_of_model_can_be_dropped(
    viewer, home, qtbot, tmp_path, recording, planted_model, complaints
):
    home.show(recording)
    for path in (
        save_model(planted_model, tmp_path / "model.h5"),
        save_weights(planted_model, tmp_path / "weights.h5"),
    ):
        before = home.workspace.trained
        drop(viewer, path)
        until(qtbot, lambda before=before: home.workspace.trained not in (None, before))
        np.testing.assert_array_equal(home.workspace.trained.model.weights_, planted_model.weights_)
    assert not complaints()
