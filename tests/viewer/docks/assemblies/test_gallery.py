"""The gallery of assemblies."""

from qtpy.QtCore import Qt

from napari_crbm.viewer.docks.assemblies.widget import AssembliesWidget


def test_the_gallery_shows_and_chooses_the_rows_of_the_table(viewer, trained_home, qtbot):
    widget = AssembliesWidget(viewer)
    qtbot.addWidget(widget)
    workspace, gallery = trained_home.workspace, widget.gallery
    assert gallery.model().rowCount() == 8
    gallery.setCurrentIndex(gallery.model().index(1, 0))
    chosen = workspace.assembly
    assert chosen == int(widget.proxy.index(1, 0).data())
    assert [row.row() for row in widget.table.selectionModel().selectedRows()] == [1]
    qtbot.keyClick(gallery, Qt.Key.Key_Right)
    assert workspace.assembly != chosen
    workspace.choose_assembly(chosen)
    assert gallery.currentIndex().row() == 1
    picture = gallery.thumbnails.picture(chosen)
    inside = workspace.trained.members.of(chosen)
    strong = inside[workspace.trained.model.weights_[inside, chosen].argmax()]
    colours = picture[..., :3].reshape(-1, 3)
    assert (colours[:, 0] - colours[:, 2] > 0.3).any(), "members are orange"
    y, x = gallery.thumbnails._place[strong]
    assert picture[y, x, 0] > picture[y, x, 2], "at their place"
    pixmap = gallery.thumbnails.pixmap(chosen)
    assert (pixmap.width(), pixmap.height()) == gallery.thumbnails.shape[::-1]
