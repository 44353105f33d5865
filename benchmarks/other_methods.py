"""Components that PCA, ICA and NMF keep in a recording, each by a usual rule.

Used by ``without_assemblies.py``; run alone it says what the methods keep in one simulated
recording of each kind: ``python benchmarks/other_methods.py``.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import NMF, PCA, FastICA
from sklearn.exceptions import ConvergenceWarning

from napari_crbm.simulation import simulate_without_assemblies
from napari_crbm.simulation.without_assemblies import KINDS
from napari_crbm.spikes import Spikes

#: Surrogates whose largest components give the limit of "PCA, shifted", and its percentile.
SURROGATES, PERCENTILE = 100, 95
#: Ranks of NMF that are compared.
RANKS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)


def kept_components(spikes: Spikes, seed: int) -> dict[str, float]:
    """Count the components that each method keeps.

    "PCA": eigenvalues of the correlation matrix above the edge of Marchenko and Pastur.
    "PCA, shifted": eigenvalues above the 95th percentile of the largest one in recordings whose
    neurons are each shifted in a circle. "ICA": as many as PCA keeps (Lopes-dos-Santos 2013);
    "ICA members" is the median number of neurons with a |weight| above the mean by two standard
    deviations. "NMF": the rank with the smallest error in the last third of the frames, where
    half of the neurons are predicted from the other half.
    """
    dense = spikes.dense().astype(np.float32)
    dense = dense[:, dense.std(axis=0) > 0]
    scores = (dense - dense.mean(axis=0)) / dense.std(axis=0)
    values = np.linalg.eigvalsh(scores.T @ scores / len(scores))
    edge = (1 + np.sqrt(scores.shape[1] / len(scores))) ** 2
    n = int((values > edge).sum())
    rng = np.random.default_rng(seed)
    return {
        "PCA": n,
        "PCA, shifted": int((values > _shifted_limit(scores, rng)).sum()),
        "ICA": n,
        "ICA members": _ica_members(scores, n, seed),
        "NMF": _nmf_rank(dense, rng),
    }


def _shifted_limit(scores: NDArray[np.float32], rng: np.random.Generator) -> float:
    largest = []
    place = np.arange(len(scores))[:, None]
    for _ in range(SURROGATES):
        shift = rng.integers(len(scores), size=scores.shape[1])
        moved = np.take_along_axis(scores, (place + shift) % len(scores), 0)
        largest.append(np.linalg.eigvalsh(moved.T @ moved / len(moved))[-1])
    return float(np.percentile(largest, PERCENTILE))


def _ica_members(scores: NDArray[np.float32], n: int, seed: int) -> float:
    if n == 0:
        return float("nan")
    pca = PCA(n, random_state=seed)
    courses = pca.fit_transform(scores)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        ica = FastICA(n, whiten="unit-variance", max_iter=500, tol=1e-3, random_state=seed)
        ica.fit(courses)
    size = np.abs(pca.components_.T @ ica.mixing_)
    limit = size.mean(axis=0) + 2 * size.std(axis=0)
    return float(np.median((size > limit).sum(axis=0)))


def _nmf_rank(dense: NDArray[np.float32], rng: np.random.Generator) -> int:
    """Choose the rank by cross-validation (Owen & Perry 2009)."""
    last = len(dense) * 2 // 3
    train, test = dense[:last], dense[last:]
    order = rng.permutation(dense.shape[1])
    halves = (order[::2], order[1::2])
    errors = []
    for rank in RANKS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            nmf = NMF(rank, init="nndsvda", tol=1e-3, max_iter=200).fit(train)
            error = 0.0
            for seen, asked in (halves, halves[::-1]):
                part = NMF(rank, tol=1e-3, max_iter=200)
                part.components_ = np.ascontiguousarray(nmf.components_[:, seen])
                part.n_components_ = rank
                courses = part.transform(test[:, seen])
                error += float(((test[:, asked] - courses @ nmf.components_[:, asked]) ** 2).sum())
        errors.append(error)
    return RANKS[int(np.argmin(errors))]


def main() -> None:
    """Print what each method keeps in one recording of each kind."""
    for kind in KINDS:
        recording = simulate_without_assemblies(kind, 300, 1500, seed=0)
        print(kind, kept_components(recording.spikes, 0), flush=True)


if __name__ == "__main__":
    main()
