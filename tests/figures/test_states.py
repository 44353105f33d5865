import numpy as np

from napari_crbm.analysis import brain_states
from napari_crbm.figures import save_figure, states_page


def test_the_page_shows_what_was_found(model, recording, tmp_path):
    rng = np.random.default_rng(0)
    on = np.repeat(rng.random((40, 6)) < 0.3, 5, axis=0)
    activity = 2.0 * on + 0.05 * rng.normal(size=on.shape)
    states = brain_states(model, recording, activity, n_shuffles=19)
    page = states_page(states, recording, theme="dark")
    text = " ".join(part.get_text() for part in page.texts).replace("\n", " ")
    assert recording.name in text and states.composition.verdict[:60] in text
    when = page.axes[2]
    shown = [label.get_text().split("  ")[0] for label in when.get_yticklabels()]
    sets = states.combinations[states.combinations["n_assemblies"] > 0]
    assert shown[0] == sets["assemblies"].iloc[0].replace(" ", " + ")
    assert len(when.lines[0].get_xdata()) == sets["n_frames"].iloc[0]
    save_figure(page, tmp_path / "states.pdf")
