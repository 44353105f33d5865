"""The form of the Train dock: every declared setting, recipes, estimates, what was kept."""

from dataclasses import replace

import pytest

from napari_crbm.declarations import declared
from napari_crbm.errors import ModelError
from napari_crbm.model import Settings
from napari_crbm.viewer.docks.train.form import RECIPES, TrainForm


@pytest.fixture
def form(qtbot):
    widget = TrainForm()
    qtbot.addWidget(widget)
    return widget


def test_every_declared_setting_has_a_field_with_its_help(form):
    settings = declared(Settings)
    assert {each.name for each in settings} == set(form.fields.names)
    for each in settings:
        tip = form.fields[each.name].tooltip.replace("\n", " ")
        assert each.help in tip, each.name
        assert form.fields[each.name].native.accessibleName() == each.label


def test_the_defaults_of_the_form_are_those_of_the_library(form):
    assert form.settings() == Settings()


@pytest.mark.parametrize("label", RECIPES)
def test_a_recipe_fills_in_all_of_its_settings(form, label):
    form.recipe.value = label
    assert form.settings() == Settings.named(RECIPES[label][0])


def test_settings_come_back_as_they_were_entered(form):
    wanted = replace(
        Settings(),
        n_hidden=12,
        l1=0.015,
        n_updates=123_456,
        learning_rate=2.5e-4,
        final_learning_rate=1e-7,
        decay_after=0.25,
        initialisation="random",
        n_test_blocks=0,
        n_threads=3,
        epsilon=1e-8,
    )
    form.fields.fill(wanted.as_dict())
    assert form.settings() == wanted
    assert form.fields["n_updates"].native.text() == "123,456"


def test_rare_settings_are_folded_away(form):
    form.show()
    assert form.fields["n_updates"].native.isVisible()
    more = form.fields.more
    assert not more.isExpanded()
    more.expand(animate=False)
    assert more.isExpanded() and form.fields["gibbs_steps"].native.isVisible()


def test_what_cannot_be_is_named_by_its_label(form):
    form.fields["learning_rate"].value = "fast"
    with pytest.raises(ModelError, match=r"^Learning rate must be a positive number; found 'fast'"):
        form.settings()
    form.fields["learning_rate"].value = "0.001"
    form.fields["final_learning_rate"].value = "0.01"
    with pytest.raises(ModelError, match=r"^Final learning rate must not exceed Learning rate"):
        form.settings()


def test_times_stand_beside_the_recipes_and_move_nothing(form, qtbot):
    form.resize(360, 300)
    form.show()
    height = form.sizeHint().height()
    form.show_times({"Careful": 90.0, "As published": 7200.0})
    texts = [form.recipe.native.itemText(row) for row in range(3)]
    assert texts[0] == "Quick look" and "about" in texts[1] and "about" in texts[2]
    assert form.sizeHint().height() == height
    assert form.recipe.value == "Careful", "the choice stays"


def test_the_recipe_of_last_time_is_kept(form, qtbot):
    form.recipe.value = "Quick look"
    later = TrainForm()
    qtbot.addWidget(later)
    assert later.recipe.value == "Quick look" and later.settings().n_updates == 1500
