"""The Neurons dock: a clicked neuron, a group drawn around with the lasso."""

from types import SimpleNamespace

import numpy as np
import pytest

from napari_crbm.analysis import assemblies_of_neuron
from napari_crbm.connectome import (
    coupling_factors,
    effective_couplings,
    enriched_assemblies,
    enriched_regions,
    hidden_response,
)
from napari_crbm.viewer.docks.neurons.widget import NeuronsWidget
from napari_crbm.viewer.layers.lasso import inside_lasso
from napari_crbm.viewer.layers.names import GROUP
from tests.conftest import random_model
from tests.viewer.conftest import until


@pytest.fixture
def dock(viewer, qtbot):
    widget = NeuronsWidget(viewer)
    qtbot.addWidget(widget)
    widget.show()
    return widget


@pytest.fixture
def model(recording):
    return random_model(recording.n_neurons, 5, scale=0.3)


@pytest.fixture
def ready(dock, home, recording, model, qtbot):
    home.show(recording, model)
    until(qtbot, lambda: home.workspace.trained is not None)
    return dock


def column(table, place):
    return [table.item(row, place).text() for row in range(table.rowCount())]


def test_it_says_what_is_missing(dock, home, recording):
    assert "No recording" in dock.message.text() and dock.body.isHidden()
    home.show(recording)
    assert "once a model" in dock.message.text() and not dock.body.isHidden()
    assert "Click a neuron" in dock.neuron_text.text() and "Lasso" in dock.group_text.text()
    assert not dock.clear.isEnabled()
    home.workspace.choose_neuron(4)
    assert "Neuron 4" in dock.neuron_text.text() and dock.neuron_tabs.isHidden()


def test_a_neuron_tells_regions_assemblies_and_couplings(ready, home, recording, model, qtbot):
    home.workspace.choose_neuron(12)
    assert recording.regions.of_neuron(12)[0] in ready.neuron_text.text()
    held = assemblies_of_neuron(model, 12)
    held = held[held["is_member"]]
    assert column(ready.assemblies, 0) == [str(a) for a in held["assembly"]]
    until(qtbot, lambda: ready.partners.rowCount() > 0)
    factors = coupling_factors(model.weights_, hidden_response(model, recording.spikes))
    couplings = effective_couplings(factors, 12)
    strongest = np.argsort(-np.abs(couplings))[:12]
    assert column(ready.partners, 0) == [str(k) for k in strongest]
    assert column(ready.partners, 1)[0] == f"{couplings[strongest[0]]:+.3f}"
    times, rate = ready._rate.getOriginalDataset()
    np.testing.assert_array_equal(times, recording.times)
    assert rate.mean() == pytest.approx(100 * recording.spikes.mean_activity[12], rel=0.05)
    ready.partners.cellClicked.emit(1, 0)
    assert home.workspace.neuron == strongest[1]
    ready.assemblies.cellClicked.emit(0, 0)
    assert home.workspace.assembly == int(ready.assemblies.item(0, 0).text())


def test_a_group_tells_what_is_enriched(ready, home, recording, model, qtbot):
    group = recording.regions.members("Cerebellum L")
    home.workspace.choose_neurons(group)
    assert f"{len(group)} neurons chosen" in ready.group_text.text()
    until(qtbot, lambda: not home.busy)
    found, where = enriched_assemblies(model, group), enriched_regions(recording.regions, group)
    assert column(ready.group_assemblies, 0) == [str(a) for a in found.index]
    assert column(ready.group_assemblies, 4)[0] == f"{found['q_value'].iloc[0]:.2g}"
    assert column(ready.group_regions, 0) == list(where.index) == ["Cerebellum L"]
    assert ready.group_tabs.tabText(1) == "1 enriched region"
    ready.clear.click()
    assert not len(home.workspace.neurons) and not home.viewer.layers[GROUP].visible
    home.workspace.undo()
    assert len(home.workspace.neurons) == len(group)


def along_the_edge(low, high, depth=-500.0):
    """A rectangle in y and x, drawn at any depth."""
    (y0, x0), (y1, x1) = low, high
    corners = [(y0, x0), (y0, x1), (y1, x1), (y1, x0)]
    return np.array([(depth, y, x) for y, x in corners])


def test_the_lasso_looks_along_the_line_of_sight():
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 100, (500, 3))
    path = along_the_edge((20, 30), (60, 90))
    expected = (points[:, 1] > 20) & (points[:, 1] < 60) & (points[:, 2] > 30) & (points[:, 2] < 90)
    from_above = inside_lasso(points, path, np.array([1.0, 0, 0]))
    np.testing.assert_array_equal(from_above, expected)
    np.testing.assert_array_equal(inside_lasso(points, path, None, (1, 2)), expected)
    # Turned together, points and path and line of sight give the same.
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turned = inside_lasso(points @ turn.T, path @ turn.T, turn @ [1.0, 0, 0])
    np.testing.assert_array_equal(turned, expected)


def drag(viewer, path, modifiers=(), untold=0):
    """Press, move along a path and release at its end, as napari calls its callbacks.

    The last moves may be left untold, as those that follow each other within milliseconds.
    """
    event = SimpleNamespace(
        button=1,
        modifiers=modifiers,
        type="mouse_press",
        # The first axis of the viewer is time.
        dims_displayed=(1, 2, 3),
        view_direction=np.array([0.0, 1.0, 0, 0]),
    )
    path = np.insert(path, 0, 12.0, axis=1)
    for callback in viewer.mouse_drag_callbacks:
        event.type, event.position, event.pos = "mouse_press", path[0], path[0][2:]
        steps = callback(viewer, event)
        if next(steps, StopIteration) is StopIteration:
            continue
        event.type = "mouse_move"
        for place in path[1 : len(path) - untold]:
            event.position, event.pos = place, place[2:]
            next(steps, None)
        event.type, event.position, event.pos = "mouse_release", path[-1], path[-1][2:]
        next(steps, None)


def test_drawing_in_the_canvas_chooses_a_group(ready, home, recording, viewer):
    y, x = recording.coordinates[:, 1], recording.coordinates[:, 2]
    middle = float(np.median(y))
    path = along_the_edge((y.min() - 1, x.min() - 1), (middle, x.max() + 1))
    drag(viewer, path)
    assert not len(home.workspace.neurons), "the lasso is off"
    ready.lasso_button.click()
    assert home.lasso.active and not viewer.scene.camera.mouse_pan
    drag(viewer, path)
    np.testing.assert_array_equal(home.workspace.neurons, np.flatnonzero(y < middle))
    assert not home.lasso.active and viewer.scene.camera.mouse_pan
    assert not ready.lasso_button.isChecked() and home.workspace.neuron is None
    rest = along_the_edge((middle, x.min() - 1), (y.max() + 1, x.max() + 1))
    home.lasso.set_active(True)
    drag(viewer, rest, ("Shift",))
    assert len(home.workspace.neurons) >= recording.n_neurons - 1
    home.lasso.set_active(True)
    drag(viewer, rest, ("Alt",))
    np.testing.assert_array_equal(home.workspace.neurons, np.flatnonzero(y < middle))


def test_a_fast_stroke_reaches_as_far_as_the_pointer(home, recording, viewer):
    home.show(recording)
    home.lasso.set_active(True)
    corners = [(0, -1e4, -1e4), (0, -1e4, 1e4), (0, 1e4, 1e4), (0, 1e4, -1e4)]
    drag(viewer, np.array(corners, dtype=float), untold=1)
    assert len(home.workspace.neurons) == recording.n_neurons


def test_hidden_neurons_are_not_caught(home, recording, viewer):
    home.show(recording)
    region = int(recording.regions.counts.argmax())
    home.workspace.region_view.tick([region])
    home.workspace.region_view.restrict(True)
    home.lasso.set_active(True)
    drag(viewer, along_the_edge((-1e4, -1e4), (1e4, 1e4)))
    members = recording.regions.members(recording.regions.names[region])
    np.testing.assert_array_equal(home.workspace.neurons, members)
