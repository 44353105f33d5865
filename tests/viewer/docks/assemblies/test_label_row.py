"""Names, stars, tags and notes in the Assemblies dock."""

from qtpy.QtCore import Qt

from napari_crbm.labels import Label
from napari_crbm.viewer.docks.assemblies.label_row import LabelDialog, LabelRow
from napari_crbm.viewer.docks.assemblies.widget import AssembliesWidget


def test_names_are_typed_listed_found_and_removed(viewer, shown_home, qtbot):
    widget = AssembliesWidget(viewer)
    qtbot.addWidget(widget)
    workspace = shown_home.workspace
    row = widget.findChild(LabelRow)
    headings = [name for name, *_ in widget.model._columns]
    assert "label" not in headings, "no column without names"
    workspace.choose_assembly(3)
    row.name.setText("left tectum")
    row.name.editingFinished.emit()
    row.star.click()
    assert workspace.labels.labels.of(3) == Label("left tectum", starred=True)
    headings = [name for name, *_ in widget.model._columns]
    place, source = headings.index("label"), widget.model.row_of(3)
    assert widget.model.data(widget.model.index(source, place)) == "★ left tectum"
    assert workspace.assembly == 3 and row.star.text() == "★"
    dialog = row.ask()
    dialog.tags.setText("bursts, slow")
    dialog.note.setPlainText("look again")
    dialog.accept()
    assert workspace.labels.labels.of(3).tags == ("bursts", "slow")
    widget.filter.setText("bursts")
    assert widget.proxy.rowCount() == 1
    widget.filter.setText("")
    workspace.choose_assembly(1)
    assert row.name.text() == "" and not row.star.isChecked()
    workspace.labels.set_label(3, Label())
    assert "label" not in [name for name, *_ in widget.model._columns]


def test_the_dialog_returns_what_was_entered(qtbot, shown_home, viewer):
    dialog = LabelDialog(1, Label(colour="#102030"), viewer.window._qt_window)
    assert dialog.values() == {"tags": (), "note": "", "colour": "#102030"}
    dialog.plain.click()
    assert dialog.values()["colour"] == "" and not dialog.plain.isEnabled()
    assert dialog.testAttribute(Qt.WidgetAttribute.WA_DeleteOnClose) is False
    dialog.deleteLater()
