"""Compare a model with other methods that find assemblies.

The other methods are fitted with scikit-learn to the same training frames, with the same number
of components: principal components, plain and rotated (varimax, promax), independent components
(as many as the Marchenko-Pastur law calls significant; Lopes-dos-Santos et al. 2013),
non-negative matrix factorisation, and k-means of the neurons. All are compared by the neurons of
their components and by how well they reconstruct held-out frames. Only the cRBM also generates
activity.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_crbm.analysis.matching.recovery import fraction_recovered, recovery
from napari_crbm.analysis.statistics.held_out import held_out_frames
from napari_crbm.analysis.statistics.reconstruction import (
    normalised_likelihood,
    reconstruction_nllh,
)
from napari_crbm.errors import ModelError, install_extra
from napari_crbm.model import CRBM
from napari_crbm.model.start.components import varimax
from napari_crbm.spikes import CHUNK_FRAMES, Spikes

#: Methods in the order in which they are compared.
METHODS: tuple[str, ...] = (
    "cRBM",
    "cRBM by weight",
    "PCA",
    "PCA varimax",
    "PCA promax",
    "ICA",
    "NMF",
    "k-means",
)
#: In which direction the numbers of the comparison are good.
BETTER = {
    "higher": ("reconstruction", "recovered", "auroc", "f1", "cosine"),
    "lower": ("seconds",),
}
# Largest number of dense values; beyond it the other methods get evenly spaced frames.
_MOST_VALUES = 100_000_000
# Candidates for the smallest probability of a neuron, in units of its mean activity.
_FLOORS = (0.01, 0.03, 0.1, 0.3, 0.6)
_MOST_PROBABLE = 0.999
_PROMAX_POWER = 4
_CALIBRATION_FRAMES = 300
# Smallest number of principal components computed, to count the significant ones.
_FEWEST_PRINCIPAL = 100


@dataclass(frozen=True, eq=False)
class _Fitted:
    """Fitted method: ``loadings`` (N, K), and a function from frames to rates, both (t, N).

    Rates may lie outside [0, 1]. ``note`` states any deviation from the requested fit, usually
    none.
    """

    loadings: NDArray[np.floating]
    rates: Callable[[NDArray[Any]], NDArray[np.floating]]
    note: str = ""


def compare_methods(
    model: CRBM,
    spikes: Spikes,
    *,
    planted: NDArray[np.bool_] | None = None,
    methods: tuple[str, ...] = METHODS,
    random_state: int = 0,
    report: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Fit other methods to a model's training frames and compare them with it.

    Parameters
    ----------
    model : CRBM
        Trained with held-out frames; the other methods get its number of assemblies.
    spikes : Spikes
        The recording it was trained on.
    planted : (N, K) bool, optional
        Members of planted assemblies, of a simulated recording.
    methods : tuple of str
        Among `METHODS`.
    random_state : int
    report : callable, optional
        Called with (methods done, all methods).

    Returns
    -------
    pandas.DataFrame
        Index ``method``; ``components``; ``reconstruction``, the median over neurons of the
        normalised reconstruction likelihood on held-out frames (paper Eq. 18: 0 no better
        than the mean activity, 1 perfect); ``generative``; ``seconds`` of fitting (of the
        model, the duration of its training, NaN if its history does not have it; methods that
        start from the same PCA are each charged its full time); ``frames`` fitted to; with
        ``planted`` ``recovered``, ``auroc``, ``f1`` and ``cosine`` (see `recovery`); and ``note``,
        empty or a sentence on what limits the result. `BETTER` says which numbers are good.

        "cRBM" ranks neurons by their association with an assembly, "cRBM by weight" by
        ``|weight|``, the other methods by ``|loading|``. Members of "cRBM" are those by
        association, those of all others have a fifth of the largest ``|weight|`` or
        ``|loading|``.

        Linear methods do not give probabilities: their rates are cut off below at a
        fraction of each neuron's mean activity, the fraction that suits the training
        frames best.

    Raises
    ------
    ModelError
        If the model has no held-out frames, a method is unknown, or scikit-learn is
        missing.
    """
    unknown = [name for name in methods if name not in METHODS]
    if unknown:
        raise ModelError(f"No method '{unknown[0]}'; there are {', '.join(METHODS)}.")
    train, test = held_out_frames(model, spikes)
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise ModelError(f"Other methods need scikit-learn: {install_extra('compare')}.") from error
    n_fitted = min(train.n_frames, max(2, _MOST_VALUES // spikes.n_neurons))
    frames = np.linspace(0, train.n_frames - 1, n_fitted).astype(np.int64)
    data = _Data(train.select_frames(frames), model.n_assemblies, random_state)
    rows = []
    for done, name in enumerate(methods):
        if report is not None:
            report(done, len(methods))
        rows.append(_row(name, model, data, spikes, test, planted))
    if report is not None:
        report(len(methods), len(methods))
    return pd.DataFrame(rows).set_index("method")


def _row(
    name: str,
    model: CRBM,
    data: _Data,
    spikes: Spikes,
    test: Spikes,
    planted: NDArray[np.bool_] | None,
) -> dict[str, Any]:
    note, members = "", None
    generative = name in ("cRBM", "cRBM by weight")
    if generative:
        loadings: NDArray[np.floating] = model.weights_
        if name == "cRBM" and planted is not None:
            found = model.association(spikes)
            loadings, members = found.correlation, found.members
        quality = reconstruction_nllh(model, test)
        seconds, frames = _training_s(model), len((model.split_ or {})["train"])
    else:
        charged = data.pca_seconds if name in _FROM_PCA and data.has_pca else 0.0
        started = time.perf_counter()
        fitted = _FIT[name](data)
        seconds, frames = charged + time.perf_counter() - started, data.spikes.n_frames
        loadings, note = fitted.loadings, fitted.note
        floor = _best_floor(fitted, data.spikes)
        quality = normalised_likelihood(_probabilities(fitted, test, data.mean, floor), test)
    known = quality[np.isfinite(quality)]
    row: dict[str, Any] = {
        "method": name,
        "components": loadings.shape[1],
        "reconstruction": float(np.median(known)) if len(known) else float("nan"),
        "generative": generative,
        "seconds": seconds,
        "frames": frames,
    }
    if planted is not None:
        table = recovery(loadings, planted, members=members)
        row |= {"recovered": fraction_recovered(table)}
        row |= {column: float(table[column].mean()) for column in ("auroc", "f1", "cosine")}
    row["note"] = note
    return row


def _training_s(model: CRBM) -> float:
    """Return the duration of a model's training in seconds, NaN if its history lacks it."""
    elapsed = np.asarray(model.history_.get("elapsed_s", ()), dtype=np.float64)
    return float(elapsed[-1]) if len(elapsed) else float("nan")


class _Data:
    """Training frames, dense and z-scored, and principal components shared by methods."""

    def __init__(self, spikes: Spikes, n_components: int, random_state: int) -> None:
        self.spikes, self.random_state = spikes, random_state
        self.n_components = min(n_components, *(n - 1 for n in spikes.shape))
        self.mean = spikes.mean_activity.astype(np.float32)
        spread = np.sqrt(self.mean * (1 - self.mean))
        self.spread = np.where(spread > 0, spread, 1).astype(np.float32)
        self.pca_seconds = 0.0
        self._pca: Any = None

    def scored(self, frames: NDArray[Any]) -> NDArray[np.float32]:
        """Compute the z-scores of frames (t, N)."""
        return np.asarray((frames - self.mean) / self.spread, dtype=np.float32)

    @property
    def has_pca(self) -> bool:
        """Whether the PCA was computed already, for another method."""
        return self._pca is not None

    @property
    def pca(self) -> Any:
        """Return the PCA of the z-scores with as many components as any method needs."""
        if self._pca is None:
            from sklearn.decomposition import PCA

            started = time.perf_counter()
            n_most = max(self.n_components, _FEWEST_PRINCIPAL)
            n_most = min(n_most, *(n - 1 for n in self.spikes.shape))
            pca = PCA(n_most, svd_solver="randomized", random_state=self.random_state)
            self._pca = pca.fit(self.scored(self.spikes.dense()))
            self.pca_seconds = time.perf_counter() - started
        return self._pca


def _in_subspace(data: _Data, n_components: int, loadings: NDArray[np.floating]) -> _Fitted:
    """Make a method whose components span the leading principal ones; it reconstructs equally."""
    basis = data.pca.components_[:n_components].T

    def rates(frames: NDArray[Any]) -> NDArray[np.floating]:
        scores = (data.scored(frames) - data.pca.mean_) @ basis
        back = scores @ basis.T + data.pca.mean_
        return np.asarray(data.mean + data.spread * back, dtype=np.float32)

    return _Fitted(loadings, rates)


def _correlations(data: _Data) -> NDArray[np.floating]:
    """Return the loadings of the leading principal components as correlations, (N, K)."""
    pca, n = data.pca, data.n_components
    return np.asarray(pca.components_[:n].T * np.sqrt(pca.explained_variance_[:n]))


def _pca(data: _Data) -> _Fitted:
    return _in_subspace(data, data.n_components, _correlations(data))


def _varimax(data: _Data) -> _Fitted:
    loadings = _correlations(data)
    return _in_subspace(data, data.n_components, loadings @ varimax(loadings))


def _promax(data: _Data) -> _Fitted:
    loadings = _correlations(data)
    rotated = loadings @ varimax(loadings)
    target = np.abs(rotated) ** (_PROMAX_POWER - 1) * rotated
    oblique = np.linalg.lstsq(rotated, target, rcond=None)[0]
    oblique *= np.sqrt(np.diag(np.linalg.inv(oblique.T @ oblique)))
    return _in_subspace(data, data.n_components, rotated @ oblique)


def _ica(data: _Data) -> _Fitted:
    """Find independent time courses within the significant principal components."""
    from sklearn.decomposition import FastICA

    n_frames, n_neurons = data.spikes.shape
    edge = (1 + np.sqrt(n_neurons / n_frames)) ** 2
    significant = int((data.pca.explained_variance_ > edge).sum())
    n, n_known = max(1, significant), len(data.pca.explained_variance_)
    note = ""
    if n == n_known < min(data.spikes.shape) - 1:
        note = f"At least {n} components are significant; only the first {n} were computed."
    scores = data.pca.transform(data.scored(data.spikes.dense()))[:, :n]
    ica = FastICA(
        n, whiten="unit-variance", max_iter=500, tol=1e-3, random_state=data.random_state
    ).fit(scores)
    fitted = _in_subspace(data, n, data.pca.components_[:n].T @ ica.mixing_)
    return replace(fitted, note=note)


def _nmf(data: _Data) -> _Fitted:
    from sklearn.decomposition import NMF

    nmf = NMF(
        data.n_components, init="nndsvda", tol=1e-3, max_iter=200, random_state=data.random_state
    ).fit(data.spikes.dense().astype(np.float32))

    def rates(frames: NDArray[Any]) -> NDArray[np.floating]:
        return np.asarray(nmf.transform(frames.astype(np.float32)) @ nmf.components_)

    return _Fitted(nmf.components_.T, rates)


def _k_means(data: _Data) -> _Fitted:
    """Group neurons with similar traces; each is predicted from the mean of its group."""
    from sklearn.cluster import KMeans

    scores = data.scored(data.spikes.dense())
    group = KMeans(data.n_components, n_init=1, random_state=data.random_state).fit_predict(
        np.ascontiguousarray(scores.T)
    )
    member = np.zeros((len(group), data.n_components), dtype=np.float32)
    member[np.arange(len(group)), group] = 1
    share = member / np.maximum(member.sum(axis=0), 1)
    course = scores @ share
    course -= course.mean(axis=0)
    variance = np.maximum((course**2).mean(axis=0), 1e-12)
    slope = (scores * course[:, group]).mean(axis=0) / variance[group]

    def rates(frames: NDArray[Any]) -> NDArray[np.floating]:
        scored = data.scored(frames)
        return np.asarray(data.mean + data.spread * slope * (scored @ share)[:, group])

    return _Fitted(member * np.maximum(slope, 0)[:, None], rates)


_FIT: dict[str, Callable[[_Data], _Fitted]] = {
    "PCA": _pca,
    "PCA varimax": _varimax,
    "PCA promax": _promax,
    "ICA": _ica,
    "NMF": _nmf,
    "k-means": _k_means,
}

# Methods that start from the principal components.
_FROM_PCA = ("PCA", "PCA varimax", "PCA promax", "ICA")


def _probabilities(
    fitted: _Fitted, spikes: Spikes, mean: NDArray[np.floating], floor: float
) -> Iterator[NDArray[np.float32]]:
    for frames in spikes.iter_dense(CHUNK_FRAMES):
        rates = fitted.rates(frames)
        yield np.clip(rates, np.maximum(floor * mean, 1e-6), _MOST_PROBABLE).astype(np.float32)


def _best_floor(fitted: _Fitted, spikes: Spikes) -> float:
    step = max(1, spikes.n_frames // _CALIBRATION_FRAMES)
    some = spikes.select_frames(np.arange(0, spikes.n_frames, step))
    mean = spikes.mean_activity
    scores = [
        np.nanmean(normalised_likelihood(_probabilities(fitted, some, mean, floor), some))
        for floor in _FLOORS
    ]
    return _FLOORS[int(np.argmax(scores))]
