"""Evidence for every assembly of a trained model, from the frames kept from its training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_crbm.analysis.assemblies.membership import members_of
from napari_crbm.analysis.chance import false_discovery_rate
from napari_crbm.analysis.evidence.coincidence import coincidence
from napari_crbm.analysis.evidence.crosstalk import close_pairs, crosstalk_distance_um
from napari_crbm.analysis.evidence.outlier_frames import outlier_frames
from napari_crbm.analysis.evidence.windows import Windows
from napari_crbm.autocorrelation import autocorrelation_frames
from napari_crbm.errors import ModelError
from napari_crbm.model.members.windows import longest_window

if TYPE_CHECKING:
    from napari_crbm.model import CRBM
    from napari_crbm.recording import Recording

#: False discovery rate below which an assembly is certain.
MAX_Q = 0.05
#: With fewer usable held-out frames no test is made.
FEWEST_FRAMES = 60


@dataclass(frozen=True, eq=False)
class Evidence:
    """Held-out evidence for the assemblies of a model.

    Parameters
    ----------
    table : pandas.DataFrame
        Index ``assembly``; columns ``coincidence`` (mean held-out covariance of the members
        beyond the population rate, in units of its standard deviation under the null
        hypothesis), ``p``, ``q`` (Benjamini and Hochberg over the assemblies with members)
        and ``certain`` (q below `MAX_Q`). Without a test p and q are NaN.
    n_frames : int
        Held-out frames that were used.
    gap_frames : int
        Held-out frames this close to a training frame were left out.
    n_outlier_frames : int
        Held-out frames left out because far more neurons are active than usual.
    exclusion_um : float
        Pairs of neurons closer than this were left out.
    reason : str
        Why no test was made; empty if one was made.
    """

    table: pd.DataFrame
    n_frames: int
    gap_frames: int
    n_outlier_frames: int
    exclusion_um: float
    reason: str = ""

    @property
    def n_certain(self) -> int:
        """Number of certain assemblies."""
        return int(self.table["certain"].sum())

    def __str__(self) -> str:
        if self.reason:
            return self.reason
        # Those of a single member are not tested.
        tested = int(self.table["p"].notna().sum())
        if tested == 0:
            return "No assembly can be tested: none has two members or more."
        found = self.n_certain
        text = f"{found} of {tested} tested assemblies {'is' if found == 1 else 'are'} certain: "
        if found == 0:
            text = f"None of {tested} tested assemblies is certain: "
        text += (
            f"{'its' if found == 1 else 'their'} members are {'not ' if found == 0 else ''}active "
            f"together beyond chance in {self.n_frames:,} held-out frames (false discovery rate "
            f"{100 * MAX_Q:.0f} %)."
        )
        if self.n_outlier_frames:
            text += (
                f" {self.n_outlier_frames} held-out frames in which far more neurons are active "
                "than usual were left out."
            )
        if self.exclusion_um:
            text += (
                f" Pairs of neurons closer than {self.exclusion_um:.0f} um were left out, because "
                "close neighbours are more alike than distant ones."
            )
        return text


def assembly_evidence(
    model: CRBM,
    recording: Recording,
    *,
    random_state: int = 0,
) -> Evidence:
    """Test every assembly of a model on the frames it was not trained on.

    The test is that of `napari_crbm.analysis.evidence.coincidence`. Left out are held-out
    frames closer to a training frame than the activity of single neurons lasts, frames with
    implausibly many active neurons, and pairs of neurons so close that crosstalk may
    correlate them.

    Parameters
    ----------
    model : CRBM
    recording : Recording
        The recording the model was trained on.
    random_state : int
        Seed of the control groups.

    Returns
    -------
    Evidence
        With `Evidence.reason` if the model was trained on all frames, or if too few
        held-out frames are left.

    Raises
    ------
    ModelError
        If the model was trained on another recording.
    """
    spikes = recording.spikes
    split = model.split_
    if split is None or not len(split["test"]):
        return _unknown(
            model,
            "There is no evidence for or against these assemblies: the model was trained on all "
            "frames. Train it with held-out blocks of time (the default).",
        )
    if model.recording_fingerprint_ not in (None, spikes.fingerprint):
        return _unknown(
            model,
            "There is no evidence for or against these assemblies: the model was trained on "
            "another recording than this one. Open the recording it was trained on.",
        )
    if spikes.n_neurons != model.n_neurons:
        raise ModelError(
            f"The model has {model.n_neurons:,} neurons, the recording {spikes.n_neurons:,}."
        )
    gap = autocorrelation_frames(spikes)
    test = np.sort(split["test"])
    test = test[_distance_to(split["train"], test) > gap]
    outliers = outlier_frames(spikes.frame_counts)
    usable = test[~outliers[test]]
    if len(usable) < FEWEST_FRAMES:
        return _unknown(
            model,
            f"There is no evidence for or against these assemblies: only {len(usable)} held-out "
            f"frames lie more than {gap} {'frame' if gap == 1 else 'frames'} from the training "
            f"frames, and {FEWEST_FRAMES} are needed. Record for longer.",
            gap_frames=gap,
        )
    longest = longest_window(spikes.n_frames)
    windows = Windows.of(spikes, usable, longest, recording.frame_numbers[usable])
    distance, close = 0.0, None
    if recording.coordinates is not None:
        distance = crosstalk_distance_um(windows, recording.coordinates, random_state)
        close = close_pairs(recording.coordinates, distance)
    # Members by association follow from the training frames alone, so that this is no circle.
    members = members_of(model)
    signs = np.sign(members.strength.toarray()).astype(np.int8)
    found = coincidence(windows, signs, close=close, random_state=random_state)
    some = members.sizes > 1
    p = np.where(some, found.p, np.nan)
    q = false_discovery_rate(p)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (found.excess - found.control_mean) / found.deviation
    table = _table(z, p, q)
    return Evidence(table, len(usable), gap, int(outliers[test].sum()), distance)


def _distance_to(frames: NDArray[np.integer], others: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the distance of each of the other frames to the nearest of some frames."""
    known = np.sort(frames)
    place = np.searchsorted(known, others)
    before = known[np.maximum(place - 1, 0)]
    after = known[np.minimum(place, len(known) - 1)]
    return np.minimum(np.abs(others - before), np.abs(after - others))


def _table(z: NDArray[np.float64], p: NDArray[np.float64], q: NDArray[np.float64]) -> pd.DataFrame:
    table = pd.DataFrame({"coincidence": z, "p": p, "q": q, "certain": q < MAX_Q})
    table.index.name = "assembly"
    return table


def _unknown(model: CRBM, reason: str, gap_frames: int = 0) -> Evidence:
    nothing = np.full(model.n_assemblies, np.nan)
    return Evidence(_table(nothing, nothing, nothing), 0, gap_frames, 0, 0.0, reason)
