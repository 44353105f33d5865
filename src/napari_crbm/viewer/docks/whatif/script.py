"""Python that asks the question of the *What if* dock again."""

from __future__ import annotations

from napari_crbm.io.writing.script import Script, call, open_again
from napari_crbm.perturbation import Perturbation
from napari_crbm.recording import Recording

# Neurons in one line of a list.
_IN_A_LINE = 14


def code(asked: Perturbation, recording: Recording, model: str, n_null: int) -> str:
    """Return Python code that computes, prints and draws the same answer.

    Parameters
    ----------
    asked : Perturbation
        With its level.
    recording : Recording
    model : str
        File of the model.
    n_null : int
        Random groups.
    """
    script = Script()
    open_again(script, recording)
    script.need("napari_crbm.io", "load_model")
    script.need("napari_crbm.perturbation", "coactivity", asked.kind)
    script.need("napari_crbm.figures", "coactivity_figure", "save_figure")
    script.add(f"model = load_model({model!r})")
    if asked.kind == "hold":
        script.add(f"asked = hold({call(asked.assembly, asked.state)})")
    else:
        numbers = [int(neuron) for neuron in asked.neurons]
        lines = [numbers[k : k + _IN_A_LINE] for k in range(0, len(numbers), _IN_A_LINE)]
        listed = [f"    {', '.join(map(str, line))}," for line in lines]
        script.add("neurons = [", *listed, "]")
        options = call(level=asked.level, name=asked.name)
        script.add(f"asked = {asked.kind}(neurons, {options})")
    options = call(n_null=n_null or None)
    script.add(
        f"(found,) = coactivity(model, recording, asked{', ' if options else ''}{options})",
        'print(*found.sentences, sep="\\n")',
        "print(found.regions)",
        "print(found.assemblies)",
        'save_figure(coactivity_figure([found], recording), "what-if.pdf")',
    )
    return str(script)
