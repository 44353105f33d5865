"""How well a classifier tells generated frames from recorded ones.

Ridge logistic regression on two sets of features: the activity E[h | v] of assemblies and its
square; and the activity of random neurons with the squares of their principal components and of
the number of active ones, without which a linear classifier sees mean activities alone. The area
under its ROC curve on frames that it was not fitted to is 0.5 if it cannot tell and 1 if it always
can. Two other areas give the scale: held-out frames against training frames (drift lifts it above
0.5) and against independent neurons with the recorded mean activities.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from napari_crbm.analysis.matching.recovery import auroc
from napari_crbm.errors import ModelError
from napari_crbm.model.rbm import RBM
from napari_crbm.model.training.split import N_BLOCKS, block_edges
from napari_crbm.spikes import Spikes

# Neurons and frames of each kind that the classifier sees at most.
_NEURONS, _FRAMES = 300, 1500
_FEWEST = 40
_COMPONENTS = 20
# Frames for each neuron that it sees: with fewer it fits chance.
_FRAMES_EACH = 8
# Folds of blocks of time; ridge as a share of the number of frames; Newton steps.
_FOLDS, _RIDGE, _STEPS = 5, 0.05, 12
_SEED = 71

#: Names of what is told from held-out frames, in the order of the scale.
TRAINING, GENERATED, INDEPENDENT = "training frames", "generated", "independent neurons"


@dataclass(frozen=True, eq=False)
class Discrimination:
    """How well generated frames are told from held-out frames.

    Parameters
    ----------
    table : pandas.DataFrame
        ``compared`` ("training frames", "generated", "independent neurons"; each with held-out
        frames), ``features`` ("assemblies", "neurons"), ``auc, auc_low, auc_high`` (mean over
        folds, and twice its standard error), ``n_frames`` of each kind.
    nearest : pandas.DataFrame
        ``compared, nearest`` (median distance of a frame to the nearest training frame, root mean
        square over assemblies in standard deviations), ``copies`` (share of frames that equal a
        training frame neuron by neuron and are not silent).
    pairs : bool
        Whether successive frames were compared, not single ones.
    held_out : bool
        Whether there were held-out frames; otherwise a half of the training frames stood in.
    """

    table: pd.DataFrame
    nearest: pd.DataFrame
    pairs: bool
    held_out: bool

    @property
    def sentences(self) -> tuple[str, ...]:
        """How well a classifier tells, with the scale, and the distances."""
        area = self.table.set_index(["features", "compared"])["auc"]
        what = "pairs of successive frames" if self.pairs else "frames"
        recorded = "held-out" if self.held_out else "recorded"
        said = []
        for features in ("assemblies", "neurons"):
            low, found, high = (area[features, name] for name in (TRAINING, GENERATED, INDEPENDENT))
            said.append(
                f"By the activity of {features} a classifier tells generated from {recorded} "
                f"{what} with an AUC of {found:.2f} (0.5: it cannot; recorded frames of another "
                f"time {low:.2f}, independent neurons {high:.2f})."
            )
        near = self.nearest.set_index("compared")["nearest"]
        copies = self.nearest.set_index("compared")["copies"][GENERATED]
        said.append(
            f"The training frame nearest to a generated frame is {near[GENERATED]:.2f} SD away "
            f"(median; {near['held-out']:.2f} for a {recorded} frame); {100 * copies:.0f} % of "
            "generated frames copy a training frame."
        )
        return tuple(said)


def discriminate(
    rbm: RBM,
    generated: Spikes,
    recorded: Spikes,
    train: NDArray[np.integer],
    test: NDArray[np.integer],
    *,
    pairs: bool = False,
    random_state: int = 0,
) -> Discrimination:
    """Measure how well generated frames are told from recorded ones.

    Parameters
    ----------
    rbm : RBM
        Whose assemblies are features.
    generated : Spikes
    recorded : Spikes
        The whole recording.
    train, test : int arrays
        Training and held-out frames; with an empty ``test`` the later half of the training frames
        stands in.
    pairs : bool
        Compare pairs of successive frames; those of ``generated`` are in the order of time.
    random_state : int

    Raises
    ------
    ModelError
        If there are too few frames of a kind.
    """
    held_out = len(test) > 0
    train, test = np.sort(np.asarray(train)), np.sort(np.asarray(test))
    if not held_out:
        train, test = train[: len(train) // 2], train[len(train) // 2 :]
    rng = np.random.default_rng([random_state, _SEED])
    rate = recorded.select_frames(train).mean_activity
    n_frames = min(len(test), len(train), generated.n_frames, _FRAMES)
    if n_frames < _FEWEST:
        raise ModelError(
            f"To tell generated from recorded frames, {_FEWEST} frames of each kind are needed; "
            f"found {generated.n_frames} generated, {len(train)} training and {len(test)} held-out "
            "frames. Generate more, or hold more out."
        )
    n_seen = min(_NEURONS, recorded.n_neurons, n_frames // _FRAMES_EACH)
    neurons = np.sort(rng.choice(recorded.n_neurons, n_seen, replace=False))
    chosen = {name: _spread(part, n_frames) for name, part in (("train", train), ("test", test))}
    apart = (rng.random((1, recorded.n_neurons), dtype=np.float32) < rate for _ in range(n_frames))
    frames = {
        "held-out": recorded.select_frames(chosen["test"]),
        TRAINING: recorded.select_frames(chosen["train"]),
        GENERATED: generated.select_frames(_spread(np.arange(generated.n_frames), n_frames)),
        INDEPENDENT: Spikes.from_chunks(apart, n_frames, recorded.n_neurons),
    }
    activity = {name: rbm.mean_h_from_v(each) for name, each in frames.items()}
    centre = activity[TRAINING].mean(axis=0)
    spread = activity[TRAINING].std(axis=0)
    scale = np.where(spread > 1e-6, spread, 1.0)
    activity = {name: (each - centre) / scale for name, each in activity.items()}
    components = _components(frames[TRAINING], neurons)
    rows = []
    for features in ("assemblies", "neurons"):
        seen = {
            name: _features(
                activity[name]
                if features == "assemblies"
                else _of_neurons(each, neurons, components),
                features == "assemblies",
                pairs,
            )
            for name, each in frames.items()
        }
        for name in (TRAINING, GENERATED, INDEPENDENT):
            areas = told_apart(seen["held-out"], seen[name])
            error = 2 * areas.std(ddof=1) / np.sqrt(len(areas))
            rows.append(
                {
                    "compared": name,
                    "features": features,
                    "auc": float(areas.mean()),
                    "auc_low": float(areas.mean() - error),
                    "auc_high": float(areas.mean() + error),
                    "n_frames": n_frames,
                }
            )
    known = rbm.mean_h_from_v(recorded.select_frames(train))
    every = (known - centre) / scale
    patterns = {row.tobytes() for row in recorded.packed[train]}
    near = [
        {
            "compared": name,
            "nearest": float(np.median(nearest(activity[name], every))),
            "copies": _copies(frames[name], patterns),
        }
        for name in ("held-out", GENERATED, INDEPENDENT)
    ]
    return Discrimination(pd.DataFrame(rows), pd.DataFrame(near), pairs, held_out)


def told_apart(one: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the area under the ROC curve in each fold, for features (S, K) and (S', K).

    Folds are blocks of successive rows, so that rows that follow each other are not divided.
    """
    rows = np.concatenate([one, other]).astype(np.float64)
    truth = np.arange(len(rows)) >= len(one)
    fold = np.concatenate([np.arange(len(part)) * _FOLDS // len(part) for part in (one, other)])
    areas = []
    for number in range(_FOLDS):
        fit, check = fold != number, fold == number
        centre, scale = rows[fit].mean(axis=0), rows[fit].std(axis=0)
        x = (rows - centre) / np.where(scale > 1e-9, scale, 1.0)
        x = np.column_stack([x, np.ones(len(x))])
        weights = _logistic(x[fit], truth[fit])
        scores = (x[check] @ weights)[:, None]
        areas.append(float(auroc(scores, truth[check][:, None])[0, 0]))
    return np.array(areas)


def nearest(
    frames: NDArray[np.floating], known: NDArray[np.floating], at_once: int = 256
) -> NDArray[np.float64]:
    """Compute the distance of frames (S, M) to the nearest known one, root mean square over M."""
    known = np.asarray(known, dtype=np.float64)
    squares = (known**2).sum(axis=1)
    out = np.empty(len(frames))
    for start in range(0, len(frames), at_once):
        part = np.asarray(frames[start : start + at_once], dtype=np.float64)
        distance = (part**2).sum(axis=1)[:, None] + squares - 2 * part @ known.T
        out[start : start + at_once] = np.maximum(distance.min(axis=1), 0.0)
    return np.asarray(np.sqrt(out / known.shape[1]))


def _logistic(x: NDArray[np.float64], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Fit a ridge logistic regression by Newton steps, (K,)."""
    weights = np.zeros(x.shape[1])
    ridge = _RIDGE * len(x) * np.eye(x.shape[1])
    ridge[-1, -1] = 1e-6
    for _ in range(_STEPS):
        chance = expit(x @ weights)
        curvature = (x * (chance * (1 - chance))[:, None]).T @ x + ridge
        change = np.linalg.solve(curvature, x.T @ (truth - chance) - ridge @ weights)
        weights = weights + change
        if np.abs(change).max() < 1e-6:
            break
    return weights


def _features(values: NDArray[np.floating], squares: bool, pairs: bool) -> NDArray[np.floating]:
    """Return features of frames; of pairs, what follows what is added."""
    parts = [values, values**2] if squares else [values]
    if pairs:
        now, later = values[:-1], values[1:]
        parts = [part[:-1] for part in parts] + [now * later, np.abs(later - now)]
    return np.hstack(parts)


def _components(spikes: Spikes, neurons: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the first principal components (n, K) of some neurons."""
    dense = spikes.dense()[:, neurons].astype(np.float64)
    _, vectors = np.linalg.eigh(np.cov(dense.T))
    return np.asarray(vectors[:, -_COMPONENTS:])


def _of_neurons(
    spikes: Spikes, neurons: NDArray[np.int64], components: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the activity of some neurons, squared components, and the number of active ones."""
    dense = spikes.dense()
    own = dense[:, neurons].astype(np.float64)
    count = dense.sum(axis=1, dtype=np.float64)[:, None]
    return np.hstack([own, (own @ components) ** 2, count, count**2])


def _spread(frames: NDArray[np.integer], n_frames: int) -> NDArray[np.int64]:
    """Choose runs of successive frames at equal distances, ``n_frames`` in all."""
    if len(frames) <= n_frames:
        return np.asarray(frames[:n_frames], dtype=np.int64)
    pieces = block_edges(n_frames, N_BLOCKS).tolist()
    out = []
    for number, (start, stop) in enumerate(pairwise(pieces)):
        first = number * (len(frames) - (stop - start)) // max(N_BLOCKS - 1, 1)
        out.append(frames[first : first + stop - start])
    return np.concatenate(out).astype(np.int64)


def _copies(spikes: Spikes, patterns: set[bytes]) -> float:
    """Return the share of frames with active neurons that are among the patterns."""
    return float(np.mean([row.any() and row.tobytes() in patterns for row in spikes.packed]))
