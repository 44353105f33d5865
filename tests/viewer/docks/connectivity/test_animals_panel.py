"""Several animals in the Connectivity dock: project, maps, similarity, anatomy."""

import numpy as np
import pandas as pd
import pytest

from napari_crbm.connectome import RegionMap, add_to_project, load_project
from napari_crbm.viewer.docks.connectivity.animals_panel import AnimalsPanel
from tests.connectome.test_comparison import NAMES, a_map
from tests.viewer.conftest import until


@pytest.fixture
def project(tmp_path):
    path = tmp_path / "study.h5"
    for k, animal in enumerate(("fish 1", "fish 2", "fish 3")):
        options = dict(n_frames=100 * (k + 1), fingerprint=animal)
        add_to_project(path, animal, "seed 0", a_map(k), **options)
        if k == 0:
            add_to_project(path, animal, "seed 1", a_map(9), **options)
    covariance = RegionMap(NAMES, a_map(5).values, np.full(6, 9), measure="covariance")
    add_to_project(path, "fish 3", "seed 0", covariance, n_frames=300, fingerprint="fish 3")
    return path


@pytest.fixture
def panel(home, qtbot):
    made = AnimalsPanel(home, lambda: None)
    qtbot.addWidget(made)
    return made


@pytest.fixture
def opened(panel, project, qtbot):
    panel.open_project(project)
    until(qtbot, lambda: panel.study is not None)
    return panel


def test_it_says_how_to_begin(panel):
    assert "open a project" in panel.message.text().lower()
    assert panel.body.isHidden() and not panel.anatomy.isEnabled()


def test_animals_models_and_mean_are_listed_and_shown(opened):
    texts = [opened.list.topLevelItem(k).text(0) for k in range(opened.list.topLevelItemCount())]
    assert texts == ["Mean of 3 animals", "fish 1", "fish 2", "fish 3"]
    first = opened.list.topLevelItem(1)
    assert [first.child(k).text(0) for k in range(first.childCount())] == ["seed 0", "seed 1"]
    assert opened.one.region_map is opened.study.mean and opened.other.isHidden()
    opened.list.setCurrentItem(first)
    np.testing.assert_allclose(
        opened.one.region_map.values, (a_map(0).values + a_map(9).values) / 2
    )
    assert opened.other.region_map is opened.study.mean, "the mean stands beside an animal"
    opened.list.setCurrentItem(first.child(1))
    np.testing.assert_allclose(opened.one.region_map.values, a_map(9).values)


def test_similarity_is_a_table(opened):
    table = opened.study.similarity
    assert opened.alike.rowCount() == 3 and opened.alike.item(0, 0) is None
    row = table[(table["first"] == "fish 1") & (table["second"] == "fish 3")].iloc[0]
    assert opened.alike.item(2, 0).text() == f"{row['spearman']:.2f}"
    assert opened.alike.item(0, 2).text() == f"{row['pearson']:.2f}"
    assert f"{table['spearman'].mean():.2f}" in opened.alike_text.text()


def test_another_kind_of_map_can_be_chosen(opened, qtbot):
    assert opened.kind.count() == 2
    before = opened.study
    opened.kind.setCurrentIndex(1)
    opened.kind.activated.emit(1)
    until(qtbot, lambda: opened.study is not before)
    assert list(opened.study.maps) == ["fish 3"]
    assert "one animal" in opened.alike_text.text()


def test_the_mean_is_compared_with_anatomy_by_name(opened, tmp_path, qtbot):
    matrix = pd.DataFrame(a_map(7).values, NAMES, NAMES).iloc[::-1, ::-1]
    matrix.loc["Raphe"] = matrix["Raphe"] = 0.0
    matrix.loc["Retina"] = matrix["Retina"] = 0.5
    matrix.to_csv(tmp_path / "structural.csv")
    opened.open_matrix(tmp_path / "structural.csv")
    until(qtbot, lambda: opened.study.agreement is not None)
    found = opened.study.agreement
    assert f"Spearman {found.spearman:.2f}" in opened.scatter_text.text()
    assert "Only in the structural matrix: Retina." in opened.scatter_text.text()
    unused = "In both, but without a pair that has a value: Raphe."
    assert unused in opened.scatter_text.text()
    # These maps have neither centres of regions nor relocated assemblies.
    assert "beyond nearness cannot be said" in opened.scatter_text.text()
    assert "beyond nearness cannot be said" in opened.alike_text.text()
    assert "beyond nearness cannot be said" in opened.alike.item(2, 0).toolTip()
    _, y = opened.dots.getData()
    np.testing.assert_allclose(sorted(y), sorted(np.log10(found.x)))
    one, other = opened.one, opened.other
    names = [one.region_map.names[k] for k in one.order]
    assert [other.region_map.names[k] for k in other.order] == names, "the same order"


def test_a_clicked_cell_is_passed_on(opened, qtbot):
    with qtbot.waitSignal(opened.chosen) as heard:
        opened.one.clicked.emit("Raphe", "Tectum L")
    assert heard.args == ["Raphe", "Tectum L"]


def test_the_docks_map_is_added(home, qtbot, tmp_path):
    shown = dict(
        animal="mine", model="5 units", region_map=a_map(1), n_frames=7, fingerprint="mine"
    )
    panel = AnimalsPanel(home, lambda: lambda report: shown)
    qtbot.addWidget(panel)
    panel.add_to(tmp_path / "new")
    until(qtbot, lambda: panel.study is not None)
    assert list(load_project(tmp_path / "new.h5")) == ["mine"]
    assert "one animal" in panel.message.text() and not panel.message.isHidden()


def test_files_that_are_no_projects_are_said_so(panel, errors, tmp_path, qtbot):
    (tmp_path / "wrong.h5").write_bytes(b"nothing")
    panel.open_project(tmp_path / "wrong.h5")
    until(qtbot, lambda: errors)
    assert "wrong.h5" in errors[0]
