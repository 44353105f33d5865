"""Make all pictures of the documents, in a real window.

xvfb-run -a -s "-screen 0 1440x900x24" python docs/pictures.py docs/images

The walk through the viewer that the tests take (tests/tour) gives most of them; the others are
taken here, and figures are drawn. Plots of benchmarks are made by benchmarks/summary.py.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import napari
import numpy as np
import pandas as pd
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_crbm.anatomy.atlas import fish_atlas
from napari_crbm.anatomy.placement import Placement
from napari_crbm.connectome import (
    activity_map,
    add_to_project,
    compare_animals,
    load_project,
    read_matrix,
)
from napari_crbm.figures import assembly_sheet, save_figure
from napari_crbm.figures.connectivity import comparison_figure, composition_figure
from napari_crbm.io import load_model, open_recording
from napari_crbm.model import CRBM
from napari_crbm.simulation import simulate
from napari_crbm.simulation.animals import plant_connectome, simulate_animal
from napari_crbm.viewer.docks.anatomy.widget import AnatomyWidget
from napari_crbm.viewer.docks.connectivity.widget import ConnectivityWidget
from napari_crbm.viewer.docks.open import WIDGETS, dock_everything, raise_dock
from napari_crbm.viewer.docks.preprocess.widget import PreprocessWidget
from napari_crbm.viewer.docks.sweep.widget import SweepWidget
from napari_crbm.viewer.docks.tuning.widget import TuningWidget
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.layers.names import ASSEMBLY
from napari_crbm.viewer.opening.mapping_dialog import MappingDialog
from napari_crbm.viewer.sample_data import sample_folder

#: Pictures of the tour, by the name under which the documents show them.
TOUR = {
    "start": "start",
    "recording": "recording",
    "training": "training",
    "assembly": "assemblies",
    "gallery": "gallery",
    "neurons": "neurons",
    "time": "time",
    "states": "states",
    "statistics": "statistics",
    "compare": "compare",
    "export": "export",
    "anatomy": "anatomy",
}
ROOT = Path(__file__).parents[1]


def tour(images: Path) -> None:
    """Take the walk of the tests, and keep its pictures."""
    with TemporaryDirectory() as name:
        walk = ["tests/tour/test_tour.py", "-q", "-p", "no:cacheprovider", "--shots", name]
        walk += ["--basetemp", f"{name}/larva7"]
        subprocess.run([sys.executable, "-m", "pytest", *walk], cwd=ROOT, check=False)
        for shot, picture in TOUR.items():
            shutil.copy(Path(name) / f"{shot}.png", images / f"{picture}.png")


def figures(images: Path) -> None:
    """Draw the sheet of an assembly, and assemblies by region, of the sample."""
    sample = sample_folder()
    recording, model = open_recording(sample / "recording.h5"), load_model(sample / "model.h5")
    save_figure(assembly_sheet(model, recording, 12), images / "assembly-sheet.png", dpi=130)
    save_figure(composition_figure(model, recording.regions), images / "composition.png", dpi=130)


class Window:
    """A window with all docks, of which pictures are taken."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.viewer = napari.Viewer()
        self.docks = dict(zip(WIDGETS, dock_everything(self.viewer), strict=True))
        self.home = home_of(self.viewer)
        self.window = self.viewer.window._qt_window
        self.window.resize(1440, 880)

    def until(self, condition: Callable[[], object]) -> None:
        """Wait until something is there and nothing is left to do."""
        while not condition() or self.home.busy:
            QTest.qWait(50)
        QTest.qWait(400)

    def dock(self, name: str, kind: type):
        """Bring a dock to the front; the widget in it."""
        raise_dock(self.viewer, name)
        self.until(lambda: True)
        return self.window.findChild(kind)

    def widen(self, name: str, width: int = 640) -> None:
        """Give a dock more room, as one does for matrices."""
        docks, sideways = [self.docks[name]], Qt.Orientation.Horizontal
        self.window.resizeDocks(docks, [width], sideways)
        self.until(lambda: True)

    def shot(self, name: str) -> None:
        """Keep a picture."""
        from napari._qt.dialogs.qt_notification import NapariQtNotification

        self.until(lambda: True)
        for message in self.window.findChildren(NapariQtNotification):
            message.close()
        self.window.grab().save(str(self.folder / f"{name}.png"))


def connectivity(window: Window, folder: Path) -> None:
    """Map, ring and couplings of the sample; several animals."""
    sample = sample_folder()
    window.home.show(open_recording(sample / "recording.h5"), load_model(sample / "model.h5"))
    window.until(lambda: window.home.workspace.trained)
    workspace = window.home.workspace
    shown = workspace.assembly
    workspace.choose_assembly(None)
    widget = window.dock("Connectivity", ConnectivityWidget)
    window.widen("Connectivity")
    widget.start.click()
    window.until(lambda: widget.mapped)
    widget.surfaces.setChecked(True)
    window.shot("connectivity")
    widget.edges.setValue(45)
    widget.tabs.setCurrentIndex(1)
    window.shot("connectivity-circuit")
    animals(window, widget, folder)
    widget.tabs.setCurrentIndex(0)
    widget.surfaces.setChecked(False)
    widget.edges.setValue(0)
    workspace.region_view.tick(list(range(len(workspace.region_view.ticked))), False)
    workspace.choose_assembly(shown)
    by_assembly = widget.couplings.partner.findText("the chosen assembly")
    widget.couplings.partner.setCurrentIndex(by_assembly)
    widget.couplings.wanted.setChecked(True)
    window.until(lambda: workspace.colouring is not None)
    window.viewer.layers[ASSEMBLY].visible = False
    window.shot("connectivity-couplings")
    widget.couplings.wanted.setChecked(False)


def animals(window: Window, widget: ConnectivityWidget, folder: Path) -> None:
    """Three animals of one connectome, beside it."""
    planted = plant_connectome(16, 24)
    project = folder / "study.h5"
    for seed in (1, 2, 3):
        recording = simulate_animal(planted, 800, 1500, seed)
        found = activity_map(recording.spikes, recording.regions, "covariance")
        name = f"simulated animal {seed}"
        add_to_project(project, name, "", found, n_frames=1500, fingerprint=recording.fingerprint)
    table = folder / "connectome.csv"
    pd.DataFrame(planted.matrix, planted.names, planted.names).to_csv(table)
    structural = read_matrix(table)
    study = compare_animals(load_project(project), structural)
    figure = comparison_figure(
        study.maps, study.mean, study.similarity, structural, study.agreement
    )
    save_figure(figure, window.folder / "compare-fish.png", dpi=200)
    widget.tabs.setCurrentIndex(2)
    panel = widget.animals
    panel.open_project(project)
    window.until(lambda: panel.study)
    panel.open_matrix(table)
    window.until(lambda: panel.structural is not None)
    panel.views.setCurrentIndex(0)
    window.shot("animals")
    for page, name in ((1, "similarity"), (2, "anatomy")):
        panel.views.setCurrentIndex(page)
        window.shot(f"animals-{name}")


def atlas(window: Window) -> None:
    """Neurons that are turned and moved, put right, and the bodies of their regions."""
    recording = open_recording(sample_folder() / "recording.h5")
    undone = Placement.onto(fish_atlas(), turn_deg=(-12, 0, 0), shift_um=(0, -60, 20))
    wrong = undone.invert(recording.coordinates).astype(np.float32)
    window.home.show(replace(recording, coordinates=wrong, regions=None))
    anatomy = window.dock("Anatomy", AnatomyWidget)
    anatomy.tabs.setCurrentWidget(anatomy.atlas)
    panel = anatomy.atlas
    panel.open.click()
    window.until(lambda: panel.atlas)
    for box in panel.form.shift:
        box.setValue(0)
    window.shot("atlas-wrong-way")
    for box, value in zip(panel.form.shift, (0, -60, 20), strict=True):
        box.setValue(value)
    panel.form.turn[0].setValue(-12)
    window.shot("atlas-right-way")
    panel.assign.click()
    window.until(lambda: window.home.workspace.recording.regions)
    anatomy.tabs.setCurrentIndex(0)
    for name in ("Habenula", "Pallium", "Cerebellum"):
        anatomy.model.ticks(anatomy.model.find(name), True)
    window.shot("atlas-bodies")


def tuning(window: Window) -> None:
    """Assemblies that follow a simulated stimulus, and their average response."""
    recording = simulate(1500, 3000, 12, n_tuned=3, seed=1).recording
    model = CRBM(12, recipe="quick", n_updates=300).fit(recording)
    window.home.show(recording, model)
    window.until(lambda: window.home.workspace.trained)
    widget = window.dock("Tuning", TuningWidget)
    widget.start.click()
    window.until(lambda: widget.answer)
    widget.table.choose(0)
    window.shot("tuning")


def preprocess(window: Window) -> None:
    """Fluorescence, with frames of motion and a list of frames left out."""
    recording = simulate(
        n_neurons=500, n_frames=1200, n_assemblies=6, fluorescence=True, seed=0
    ).recording
    rng = np.random.default_rng(0)
    bouts = np.convolve(rng.random(1200) < 0.006, np.ones(8), mode="same") > 0
    moves = np.abs(rng.normal(0, 1, 1200)) + 12 * bouts
    window.home.show(replace(recording, traces={"tail movement": moves.astype(np.float32)}))
    widget = window.dock("Preprocess", PreprocessWidget)
    widget.form.fields["threshold"].value = 2
    widget.form.fields["motion_trace"].value = "tail movement"
    widget.form.fields["motion_above"].value = 9.5
    widget.form.fields["drop_frames"].value = "100-160, 300"
    window.shot("preprocess")


def sweep(window: Window, folder: Path) -> None:
    """How many assemblies the sample has."""
    window.home.show(open_recording(sample_folder() / "recording.h5"))
    widget = window.dock("Sweep", SweepWidget)
    widget.form["n_hidden"].value = "5, 10, 20, 40"
    widget.form["n_folds"].value = 3
    widget.form["n_updates"].value = 300
    widget.run_in(folder)
    window.until(lambda: not window.home.runs.sweeping)
    window.docks["Sweep"].grab().save(str(window.folder / "sweep.png"))
    print(window.home.runs.sweep.selection.table.to_string())


def mapping(window: Window, folder: Path) -> None:
    """A file of a layout that nobody knows."""
    recording = simulate(
        n_neurons=2000, n_frames=1500, n_assemblies=20, fluorescence=True
    ).recording
    path = folder / "larva7_export.h5"
    with h5py.File(path, "w") as file:
        file["info/line"] = "elavl3:H2B-GCaMP6s"
        file["session/calcium/dFF"] = recording.fluorescence.frames(0, 1500)
        file["session/calcium/fs"] = 4.0
        file["session/calcium/mean_image"] = np.zeros((64, 64), np.float32)
        file["session/roi/area"] = np.ones(2000, np.int64)
        file["session/roi/centroids"] = recording.coordinates[:, ::-1].T / 1000
        file["session/tail_angle"] = np.zeros(1500, np.float32)
    window.home.opening.open_file(path)
    window.until(lambda: window.window.findChild(MappingDialog))
    dialog = window.window.findChild(MappingDialog)
    window.until(dialog.ok.isEnabled)
    dialog.grab().save(str(window.folder / "mapping.png"))
    dialog.reject()


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    images = parser.parse_args().folder
    figures(images)
    tour(images)
    window = Window(images)
    with TemporaryDirectory() as name:
        connectivity(window, Path(name))
    window.widen("Connectivity", 420)
    atlas(window)
    tuning(window)
    preprocess(window)
    with TemporaryDirectory() as name:
        mapping(window, Path(name))
        sweep(window, Path(name) / "sweep")
    window.home.close()
    window.viewer.close()


if __name__ == "__main__":
    main()
