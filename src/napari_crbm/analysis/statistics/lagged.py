"""Correlations of assemblies at time lags, compared with a model without dynamics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_crbm.analysis.statistics.order import Order, temporal_order
from napari_crbm.errors import ModelError
from napari_crbm.nrmse import agreement

#: Lags in frames; those longer than the blocks of time are left out.
LAGS = (1, 2, 4, 8, 16, 32)

#: A temporal order of assemblies is reported from this r and up to this p.
ORDERED, SIGNIFICANT = 0.3, 0.01
# Fewer assemblies have too few pairs for a meaningful correlation over pairs.
_FEWEST_ASSEMBLIES = 4


@dataclass(frozen=True, eq=False)
class LaggedComparison:
    """Correlations of assemblies at time lags, in model and recording.

    The model has no dynamics. Its prediction for two assemblies at a lag is their equal-time
    correlation times the mean autocorrelation of the two at that lag, which is taken from the
    training frames.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per lag, columns ``lag_frames, lag_s``; ``itself``, ``itself_low`` and
        ``itself_high`` (median and quartiles over assemblies of the autocorrelation,
        held-out frames); ``nrmse, model_r, train_r`` (correlations of different
        assemblies: nRMSE of the model's prediction, its Pearson r with the held-out frames,
        and that of the training frames); ``directed_r, directed_p`` (Pearson r between
        training and held-out frames of the asymmetry of the correlations without slow trends,
        and its p corrected for all lags, see `napari_crbm.analysis.statistics.order`: evidence
        that assemblies follow each other in an order that repeats, which a model without
        dynamics cannot reproduce). The last five are NaN for models of fewer than four
        assemblies.
    n_assemblies : int, optional
    """

    table: pd.DataFrame
    n_assemblies: int | None = None

    @property
    def verdict(self) -> str:
        """Summary in one or two sentences; empty if all lags are too long."""
        if not len(self.table):
            return ""
        row = self.table.iloc[0]
        text = (
            f"After {row['lag_s']:.2g} s the median autocorrelation of an assembly is "
            f"{row['itself']:.2f}; {self._of_different(row)}"
        )
        best = self.table.loc[self.table["directed_r"].fillna(-np.inf).idxmax()]
        if best["directed_r"] > ORDERED and best["directed_p"] <= SIGNIFICANT:
            text += (
                f". Assemblies follow each other in an order that repeats in the held-out "
                f"frames (r = {best['directed_r']:.2f} at {best['lag_s']:.2g} s, p = "
                f"{best['directed_p']:.2g} over all lags); a model without dynamics has no order"
            )
        return f"{text}."

    def _of_different(self, row: pd.Series) -> str:
        """Describe the correlations between different assemblies."""
        if np.isfinite(row["nrmse"]):
            return (
                f"correlations of different assemblies are predicted with nRMSE {row['nrmse']:.2f}"
            )
        if np.isfinite(row["model_r"]) and np.isfinite(row["train_r"]):
            return (
                "the correlations of different assemblies in held-out frames correlate with the "
                f"predicted ones by {row['model_r']:.2f}, and with those of the training frames by "
                f"{row['train_r']:.2f}"
            )
        if self.n_assemblies is not None and self.n_assemblies < _FEWEST_ASSEMBLIES:
            return (
                f"{self.n_assemblies} assemblies are too few to compare correlations of different "
                f"ones ({_FEWEST_ASSEMBLIES} are needed)"
            )
        return "correlations of different assemblies are constant and cannot be compared"


def lagged_correlations(
    activity: NDArray[np.floating],
    lags: NDArray[np.integer],
    frames: NDArray[np.integer] | None = None,
) -> NDArray[np.float64]:
    """Compute the correlation of h_mu(t) with h_nu(t + lag) for all pairs of hidden units.

    Parameters
    ----------
    activity : (T, M) float array
        E[h | v].
    lags : (L,) int
        In frames, zero or more.
    frames : (T,) int array, optional
        Numbers of the frames, ascending; pairs that span a gap are left out. Consecutive
        by default.

    Returns
    -------
    (L, M, M) float64
        Zero where a unit is constant.

    Raises
    ------
    ModelError
        If a lag is negative or leaves fewer than two pairs of frames.
    """
    n_frames, n_units = activity.shape
    number = np.arange(n_frames) if frames is None else np.asarray(frames)
    out = np.zeros((len(lags), n_units, n_units))
    for row, lag in enumerate(np.asarray(lags).tolist()):
        pairs = (
            number[lag:] - number[: n_frames - lag] == lag
            if 0 <= lag < n_frames
            else number < number
        )
        first = np.flatnonzero(pairs)
        if len(first) < 2:
            raise ModelError(f"A lag of {lag} frames does not fit {n_frames:,} frames.")
        scaled = []
        for part in (activity[first], activity[first + lag]):
            centred = part.astype(np.float64) - part.mean(axis=0, dtype=np.float64)
            norms = np.sqrt((centred**2).sum(axis=0))
            scaled.append(np.divide(centred, norms, out=np.zeros_like(centred), where=norms > 0))
        out[row] = scaled[0].T @ scaled[1]
    return out


def compare_lagged(
    model: NDArray[np.floating],
    train: NDArray[np.floating],
    test: NDArray[np.floating],
    *,
    frames: tuple[NDArray[np.integer], NDArray[np.integer]] | None = None,
    frame_interval_s: float = 1.0,
) -> LaggedComparison:
    """Compare correlations at time lags between model, training and held-out frames.

    Parameters
    ----------
    model, train, test : (T, M) float arrays
        E[h | v] of activity drawn from the model (in any order), of the training and of
        the held-out frames.
    frames : (train, test) int arrays, optional
        Numbers of these frames in the recording; consecutive by default.
    frame_interval_s : float
    """
    numbers = (np.arange(len(train)), np.arange(len(test))) if frames is None else frames
    lags = np.array([lag for lag in LAGS if all(_fits(lag, number) for number in numbers)], int)
    at_once = lagged_correlations(model, np.zeros(1, dtype=int))[0]
    of_train, of_test = (
        lagged_correlations(part, lags, number)
        for part, number in zip((train, test), numbers, strict=True)
    )
    n_units = model.shape[1]
    enough = n_units >= _FEWEST_ASSEMBLIES
    compared = ~np.eye(n_units, dtype=bool) & enough
    unknown = np.full(len(lags), np.nan)
    order = Order(unknown, unknown)
    if enough and len(lags):
        order = temporal_order(train, test, lags, numbers)
    rows = []
    for place, (lag, in_train, in_test) in enumerate(
        zip(lags.tolist(), of_train, of_test, strict=True)
    ):
        fading = np.diagonal(in_train)
        predicted = at_once * (fading[:, None] + fading) / 2
        found = agreement(predicted[compared], in_train[compared], in_test[compared])
        itself = np.diagonal(in_test)
        rows.append(
            {
                "lag_frames": lag,
                "lag_s": lag * frame_interval_s,
                "itself": np.median(itself),
                "itself_low": np.quantile(itself, 0.25),
                "itself_high": np.quantile(itself, 0.75),
                "nrmse": found.nrmse,
                "model_r": found.pearson_r,
                "train_r": found.train_r,
                "directed_r": order.r[place],
                "directed_p": order.p[place],
            }
        )
    columns = ["lag_frames", "lag_s", "itself", "itself_low", "itself_high"]
    columns += ["nrmse", "model_r", "train_r", "directed_r", "directed_p"]
    return LaggedComparison(pd.DataFrame(rows, columns=columns), n_units)


def _fits(lag: int, number: NDArray[np.integer]) -> bool:
    """Return whether at least a quarter of the frames have a partner at this lag."""
    pairs = int((number[lag:] - number[:-lag] == lag).sum()) if len(number) > lag else 0
    return pairs >= max(len(number) / 4, 2)
