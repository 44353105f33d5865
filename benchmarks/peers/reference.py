"""Train with the code published by the model's authors, on the same recordings.

The code is a folder of modules, not a package, and is imported from its path:

git clone https://github.com/jertubiana/PGM
python benchmarks/quality.py --neurons 500 --assemblies 8 --reference PGM/source

The settings are the best of those tried on a separate recording: the paper's optimiser, five
times its learning rate and a quarter of its penalty, 4,000 updates of 100 chains x 15 Gibbs
steps, and as many hidden units as there are planted assemblies. Parameters have the same
meaning, so that models are compared by the same statistics.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from napari_crbm.model import CRBM, Settings
from napari_crbm.model.units.drelu import DReLU
from napari_crbm.spikes import Spikes

_BATCH = 100


class Look(NamedTuple):
    """Model during training: update, processor seconds of training so far, the model."""

    update: int
    seconds: float
    model: CRBM


def train(
    source: Path,
    spikes: Spikes,
    n_hidden: int,
    shares: Sequence[float],
    seed: int,
    l1: float = 0.005,
    n_updates: int = 4000,
) -> Iterator[Look]:
    """Train on all frames of `spikes`; yield copies of the model after shares of the updates."""
    sys.path.insert(0, str(source))
    import rbm  # type: ignore[import-not-found]

    data = spikes.dense().astype(np.float32)
    machine = rbm.RBM(
        n_v=spikes.n_neurons,
        n_h=n_hidden,
        visible="Bernoulli",
        hidden="dReLU",
        random_state=seed,
    )
    an_epoch = -(-len(data) // _BATCH)
    n_epochs = -(-n_updates // an_epoch)
    updates = [int(np.ceil(share * n_epochs * an_epoch)) for share in shares]
    kept: list[tuple[int, float, list[np.ndarray]]] = []
    one_update, started = machine.minibatch_fit, time.process_time()

    def watched(*arguments: object, **options: object) -> object:
        nonlocal started
        outcome = one_update(*arguments, **options)
        if machine.count_updates == 1:
            started = time.process_time()  # compiles its kernels
        if machine.count_updates in updates:
            seconds = time.process_time() - started
            kept.append((machine.count_updates, seconds, _parameters(machine)))
        return outcome

    machine.minibatch_fit = watched
    machine.fit(
        data,
        batch_size=_BATCH,
        learning_rate=5e-3,
        lr_final=1e-5,
        decay_after=0.25,
        extra_params=[0, 0.999, 1e-6],
        l1=l1,
        N_MC=15,
        n_iter=n_epochs,
        verbose=0,
    )
    for update, seconds, (weights, fields, *hidden) in kept:
        # The comparison of <vh> depends on the penalty.
        settings = Settings(n_hidden=n_hidden, l1=l1)
        model = CRBM.from_parameters(weights, fields, DReLU(*hidden), settings=settings)
        yield Look(update, seconds, model)


def _parameters(machine: object) -> list[np.ndarray]:
    """Copy the parameters of a model into one of this project."""
    hidden = machine.hlayer  # type: ignore[attr-defined]
    rows = (
        machine.weights.T,  # type: ignore[attr-defined]
        machine.vlayer.fields,  # type: ignore[attr-defined]
        hidden.gamma_plus,
        hidden.gamma_minus,
        hidden.theta_plus,
        hidden.theta_minus,
    )
    return [np.array(row, dtype=np.float64) for row in rows]
