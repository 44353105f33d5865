"""In the viewer, messages name fields of the Recording dock instead of options."""

from __future__ import annotations

import pytest

from napari_crbm.viewer.docks.recording.reading_form import ReadingForm
from napari_crbm.viewer.parts.option_words import in_words_of_the_viewer


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Give --frame-rate-hz.", "Give 'Frame rate'."),
        ("set the option bin_s (--bin-s) for another", "set 'Bin width' for another"),
        ("the option time_unit (--time-unit) 'ms'", "'Unit of times' 'ms'"),
        ("one micrometre (um_per_pixel).", "one micrometre ('Pixel size')."),
        ("Use --flip-z if", "Use 'Depth' if"),
        ("a group of units", "a group of units"),
        ("Choose one with the option group.", "Choose one with 'Part of the file'."),
        ("'um_per_pixel' of lab.json", "'um_per_pixel' of lab.json"),
    ],
)
def test_options_become_fields(said, shown):
    assert in_words_of_the_viewer(said) == shown


def test_the_form_has_these_fields(qtbot):
    from qtpy.QtWidgets import QFormLayout

    form = ReadingForm()
    qtbot.addWidget(form)
    layout = form.body.layout()
    labels = [
        layout.itemAt(row, QFormLayout.ItemRole.LabelRole).widget().text()
        for row in range(layout.rowCount())
    ]
    for label in ("Frame rate", "Bin width", "Unit of times", "Pixel size", "Depth"):
        assert label in labels
    form.bin_s.setValue(0.1)
    form.time_unit.setCurrentIndex(form.time_unit.findData("ms"))
    form.neurons_first.setCurrentIndex(form.neurons_first.findData(True))
    assert form.options() == {"bin_s": 0.1, "time_unit": "ms", "neurons_first": True}
