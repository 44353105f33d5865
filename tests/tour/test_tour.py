"""A walk through the plugin in a real window, judged by what is on the canvas.

Run with ``--shots FOLDER`` to keep the pictures.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = [
    pytest.mark.opengl,
    pytest.mark.skipif(
        sys.platform == "linux" and not os.environ.get("DISPLAY"),
        reason="needs a display, real or virtual (xvfb-run)",
    ),
]


def share_of(picture: np.ndarray, colour: str) -> float:
    """Fraction of canvas pixels that are clearly orange, blue or green."""
    red, blue = picture[..., 0].astype(int), picture[..., 2].astype(int)
    if colour == "orange":
        return float(np.mean((red > 150) & (red - blue > 60)))
    if colour == "green":
        return float(np.mean((picture[..., 1] > 120) & (picture[..., 1] - red > 80)))
    return float(np.mean((blue > 150) & (blue - red > 60)))


def draw_around(canvas, centre, radius):
    """Press, draw a circle and release, with the mouse over the canvas."""
    from qtpy.QtCore import QEvent, QPointF, Qt
    from qtpy.QtGui import QMouseEvent
    from qtpy.QtWidgets import QApplication

    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    angles = np.linspace(0, 6.2, 30)
    places = [centre + QPointF(radius * np.cos(a), radius * np.sin(a)) for a in angles]
    steps = [(QEvent.Type.MouseButtonPress, places[0], left, left)]
    steps += [(QEvent.Type.MouseMove, place, none, left) for place in places[1:]]
    steps += [(QEvent.Type.MouseButtonRelease, places[-1], left, none)]
    for kind, place, button, held in steps:
        event = QMouseEvent(
            kind, place, canvas.mapToGlobal(place), button, held, Qt.KeyboardModifier.NoModifier
        )
        QApplication.sendEvent(canvas, event)
        QApplication.processEvents()


def test_tour(make_napari_viewer, qtbot, request, tmp_path):
    from qtpy.QtCore import QPointF

    from napari_crbm.io import load_model, open_recording
    from napari_crbm.viewer import WIDGETS, dock_everything
    from napari_crbm.viewer.anatomy_widget import AnatomyWidget
    from napari_crbm.viewer.assemblies_widget import AssembliesWidget
    from napari_crbm.viewer.export_widget import ExportWidget
    from napari_crbm.viewer.home import home_of
    from napari_crbm.viewer.layers import ASSEMBLY
    from napari_crbm.viewer.neurons_widget import NeuronsWidget
    from napari_crbm.viewer.sample_data import sample_folder
    from napari_crbm.viewer.statistics_widget import StatisticsWidget
    from napari_crbm.viewer.time_widget import TimeWidget

    folder = request.config.getoption("--shots")
    viewer = make_napari_viewer(show=True)
    window = viewer.window._qt_window
    window.resize(1440, 880)
    docks = dict(zip(WIDGETS, dock_everything(viewer), strict=True))
    home = home_of(viewer)

    def shot(name: str) -> np.ndarray:
        qtbot.wait(300)
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            window.grab().save(str(Path(folder) / f"{name}.png"))
        return viewer.screenshot(canvas_only=True, flash=False)

    shot("start")
    recording = open_recording(sample_folder() / "recording.h5")
    home.show(recording)
    docks["Recording"].raise_()
    brain = shot("recording")
    assert brain[..., :3].any() and share_of(brain, "orange") == 0, "grey neurons only"

    docks["Train"].raise_()
    home.show(None, load_model(sample_folder() / "model.h5"))
    qtbot.waitUntil(lambda: home.workspace.trained is not None, timeout=30_000)
    docks["Assemblies"].raise_()
    with_assembly = shot("assembly")
    assert share_of(with_assembly, "orange") > 0.002, "members light up"

    table = home.workspace.trained.table
    home.workspace.choose_assembly(int(table["fraction_positive"].idxmin()))
    home.workspace.choose_neuron(int(viewer.layers[ASSEMBLY].features["neuron"].iloc[-1]))
    assert share_of(shot("suppressed"), "blue") > 0.0002, "suppressed members are blue"

    assemblies = window.findChild(AssembliesWidget)
    assemblies.tabs.setCurrentWidget(assemblies.gallery)
    home.workspace.choose_assemblies((3, 12, 8))
    shot("gallery")
    home.workspace.undo()

    docks["Neurons"].raise_()
    canvas = viewer.window._qt_viewer.canvas.native
    home.lasso.set_active(True)
    draw_around(canvas, QPointF(0.47 * canvas.width(), 0.5 * canvas.height()), 70)
    assert 10 < len(home.workspace.neurons) < recording.n_neurons / 2
    neurons = window.findChild(NeuronsWidget)
    qtbot.waitUntil(lambda: neurons.partners.rowCount() > 0 and not home.busy, timeout=60_000)
    shot("neurons")
    assert "enriched" in neurons.group_tabs.tabText(0)
    home.workspace.choose_neurons([])

    docks["Time"].raise_()
    timing = window.findChild(TimeWidget)
    qtbot.waitUntil(lambda: not home.busy, timeout=30_000)
    timing.later.click()
    assert share_of(shot("time"), "green") > 0.001, "active neurons flash"
    timing.shown.setChecked(False)

    docks["Statistics"].raise_()
    statistics = window.findChild(StatisticsWidget)
    statistics.start.click()
    qtbot.waitUntil(lambda: statistics.evaluation is not None, timeout=180_000)
    assert "reproduces" in statistics.verdict.text(), "the sample model is good"
    statistics.colour.setChecked(True)
    shot("statistics")
    statistics.colour.setChecked(False)

    docks["Export"].raise_()
    exporting = window.findChild(ExportWidget)
    exporting.choose("movie")
    exporting.write(tmp_path / "brain.gif")
    qtbot.waitUntil(lambda: (tmp_path / "brain.gif").exists() and not home.busy, timeout=120_000)
    exporting.choose("canvas")
    exporting.write(tmp_path / "canvas.png")
    assert (tmp_path / "canvas.png").stat().st_size > 10_000
    exporting.choose("sheet")
    shot("export")

    docks["Anatomy"].raise_()
    home.workspace.choose_assembly(None)
    home.workspace.choose_neuron(None)
    anatomy = window.findChild(AnatomyWidget)
    for name in ("Optic tectum", "Cerebellum", "Pallium"):
        anatomy.model.ticks(anatomy.model.find(name), True)
    anatomy.choose_colouring("region")
    qtbot.waitUntil(lambda: home.workspace.colouring is not None and not home.busy, timeout=60_000)
    coloured = shot("anatomy")[..., :3]
    assert np.ptp(coloured.astype(int), axis=-1).max() > 60, "regions have colours"
    viewer.theme = "light"
    assert shot("light")[..., :3].mean() > 150
