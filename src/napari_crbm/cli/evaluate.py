"""``napari-crbm evaluate``: how well a model explains frames it has not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from napari_crbm.cli.console import AsJson, ModelPath, RecordingPath, out, print_json

if TYPE_CHECKING:
    from napari_crbm.analysis import Evaluation
    from napari_crbm.model import CRBM
    from napari_crbm.recording import Recording


def on_held_out(model: CRBM, recording: Recording, n_samples: int, seed: int) -> Evaluation:
    """Compare samples of the model with the frames it was not trained on.

    Raises
    ------
    ModelError
        If it was trained on all frames.
    """
    from napari_crbm.analysis import evaluate as evaluate_model
    from napari_crbm.errors import ModelError

    split = model.split_
    if split is None or not len(split["test"]):
        raise ModelError(
            "The model was trained on all frames, so nothing is left to test it on. "
            "Train with held-out blocks (--test-blocks 3)."
        )
    spikes = recording.spikes
    return evaluate_model(
        model,
        spikes.select_frames(split["train"]),
        spikes.select_frames(split["test"]),
        n_samples=n_samples,
        n_chains=300,
        seed=seed,
    )


def evaluate(
    model_path: ModelPath,
    recording_path: RecordingPath,
    samples: Annotated[int, typer.Option(help="Frames to draw from the model.")] = 10000,
    seed: Annotated[int, typer.Option(help="Seed of the model's chains.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Compare what a model generates with held-out frames (nRMSE: 0 as train, 1 as chance)."""
    from napari_crbm.analysis import fraction_recovered, recovery
    from napari_crbm.cli.pairing import open_pair
    from napari_crbm.simulation import load_truth

    model, recording = open_pair(model_path, recording_path)
    result = on_held_out(model, recording, samples, seed)
    truth = load_truth(recording_path)
    found = None if truth is None else recovery(model.weights_, truth.membership)
    if as_json:
        print_json(
            {
                "statistics": result.table.to_dict(orient="index"),
                "pseudo_likelihood": result.pseudo_likelihood,
                "reconstruction_nllh": result.median_nllh,
                "recovered": None if found is None else fraction_recovered(found),
            }
        )
        return
    out.print(str(result), highlight=False)
    if found is not None:
        out.print(
            f"planted assemblies recovered (AUROC > 0.95): {100 * fraction_recovered(found):.0f} %",
            highlight=False,
        )
