"""The verdict on a model: one outcome, one sentence and advice, from all measurements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from napari_crbm.analysis.evidence.assessment import FEWEST_FRAMES
from napari_crbm.analysis.statistics.explained import Explained
from napari_crbm.analysis.statistics.intervals import FEWEST_BLOCKS
from napari_crbm.analysis.statistics.registry import STATISTICS

#: An nRMSE up to this, and an explained share from this on, count as reproduced (the worst nRMSE
#: of the paper's model is 0.17).
GOOD_NRMSE, GOOD_SHARE = 0.2, 0.85
#: A model that predicts held-out frames this much less than training frames (share of what it
#: predicts beyond independent neurons) is overfitted.
LOST = 0.3
#: Training frames that explain less than this share of held-out covariance: irregular recording.
ALIKE = 0.5
# A statistic with a larger standard error is too uncertain to be called reproduced.
_UNCERTAIN = 0.3
# A model that reproduces a statistic clearly explains more than this part of what the training
# frames explain. An nRMSE alone may be small because the noise of the training frames is large.
_AT_LEAST = 0.5
# A difference is clear if it exceeds this many standard errors.
_CLEAR = 2.0


class Outcome(StrEnum):
    """Possible outcomes of a verdict."""

    TOO_SHORT = "too short to say"
    NO_EVIDENCE = "no evidence of assemblies"
    NOT_SETTLED = "chains did not settle"
    OVERFITTED = "overfitted"
    IRREGULAR = "too irregular to say"
    TOO_FEW_UNITS = "too few units"
    DOES_NOT_REPRODUCE = "does not reproduce"
    REPRODUCES = "reproduces all"


class Estimate(NamedTuple):
    """A value and its standard error (NaN if not known)."""

    value: float = float("nan")
    error: float = float("nan")

    def below(self, limit: float) -> bool:
        """Whether the value is below a limit by two standard errors; False if these are unknown."""
        return bool(self.value + _CLEAR * self.error < limit)

    def above(self, limit: float) -> bool:
        """Whether the value is above a limit by two standard errors; False if these are unknown."""
        return bool(self.value - _CLEAR * self.error > limit)


_UNKNOWN = Estimate()


@dataclass(frozen=True)
class Findings:
    """Measurements behind a verdict; unknown ones keep their defaults.

    Parameters
    ----------
    n_tested, n_certain : int, optional
        Assemblies that were tested on held-out frames, and those that are certain.
    n_frames, n_blocks : int
        Held-out frames, and stretches of them that count as independent.
    settled : bool
        Whether the chains of the model settled.
    gain, train_gain : Estimate
        Log-likelihood of single neurons given all others by the model, minus that by their mean
        activities; in held-out and in training frames. Nats per neuron per frame.
    over_population : Estimate
        In held-out frames, minus that by a model with one global unit.
    explained : mapping of str to Explained
        By statistic.
    nrmse : mapping of str to Estimate
        By statistic; only judged ones.
    n_left_over : int
        Components of the held-out covariance that the model does not have.
    likelihoods : mapping of str to float
        Mean log-likelihoods, nats per neuron per frame: "model", "independent" and "population"
        (one global unit) in held-out frames, and "train" by the model in training frames.
    """

    n_tested: int | None = None
    n_certain: int | None = None
    n_frames: int = 0
    n_blocks: int = 0
    settled: bool = True
    gain: Estimate = _UNKNOWN
    train_gain: Estimate = _UNKNOWN
    over_population: Estimate = _UNKNOWN
    explained: Mapping[str, Explained] = field(default_factory=dict)
    nrmse: Mapping[str, Estimate] = field(default_factory=dict)
    n_left_over: int = 0
    likelihoods: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """Outcome, what was compared in one sentence, and what to do (may be empty)."""

    outcome: Outcome
    sentence: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.sentence} {self.advice}".strip()


def verdict(found: Findings) -> Verdict:
    """Judge a model: the first outcome that applies, what hides others first.

    Existence of assemblies does not depend on samples of the model; whether it fits does. A
    model that is overfitted or lacks units fails for that reason, whatever its statistics.
    """
    for judge in (
        _too_few_frames,
        _no_evidence,
        _too_few_blocks,
        _not_settled,
        _irregular,
        _overfitted,
        _too_few_units,
        _does_not_reproduce,
        _unclear,
    ):
        given = judge(found)
        if given is not None:
            return given
    return _reproduces(found)


def _too_few_frames(found: Findings) -> Verdict | None:
    if found.n_frames >= FEWEST_FRAMES:
        return None
    return Verdict(
        Outcome.TOO_SHORT,
        f"The recording is too short to say: there are {found.n_frames:,} held-out frames, and "
        f"{FEWEST_FRAMES} are needed.",
        "Record for longer, or hold out more blocks.",
    )


def _too_few_blocks(found: Findings) -> Verdict | None:
    """Whether statistics have no errors; evidence needs no blocks, as slow changes are removed."""
    if found.n_blocks >= FEWEST_BLOCKS:
        return None
    return Verdict(
        Outcome.TOO_SHORT,
        f"The recording is too short to say: the {found.n_frames:,} held-out frames are only "
        f"{found.n_blocks} stretches of time that count as independent, and {FEWEST_BLOCKS} are "
        "needed.",
        "Record for longer, or hold out more blocks.",
    )


def _no_evidence(found: Findings) -> Verdict | None:
    if found.n_certain is None or found.n_certain > 0:
        return None
    text = "There is no evidence of assemblies: no hidden unit has two members"
    if found.n_tested:
        text = (
            "There is no evidence of assemblies: in held-out frames the members of none of "
            f"{found.n_tested} units are active together beyond chance"
        )
    if np.isfinite(found.gain.value) and not found.gain.above(0):
        text += (
            ", and the model predicts neurons no better than independent neurons "
            f"({_nats(found.gain)})"
        )
    elif np.isfinite(found.over_population.value) and not found.over_population.above(0):
        text += (
            f", and the model predicts neurons no better than one global unit does "
            f"({_nats(found.over_population)})"
        )
    return Verdict(
        Outcome.NO_EVIDENCE,
        f"{text}.",
        "The model explains at most mean activities, slow changes and a common gain. "
        "More updates do not change this; a longer recording may.",
    )


def _not_settled(found: Findings) -> Verdict | None:
    if found.settled:
        return None
    return Verdict(
        Outcome.NOT_SETTLED,
        "The chains did not settle, so that the frames drawn may not be the model's own: whether "
        "it reproduces the recording cannot be said.",
        "Train with fewer assemblies or a stronger penalty.",
    )


def _overfitted(found: Findings) -> Verdict | None:
    advice = "Train with fewer assemblies or a stronger penalty, or record for longer."
    if found.gain.below(0):
        return Verdict(
            Outcome.OVERFITTED,
            "The model is overfitted: in held-out frames it predicts neurons worse than their "
            f"mean activities do ({_nats(found.gain)}; training frames {_nats(found.train_gain)}).",
            advice,
        )
    if found.over_population.below(0):
        return Verdict(
            Outcome.OVERFITTED,
            "The model is overfitted: in held-out frames it predicts neurons worse than one global "
            f"unit does ({_nats(found.over_population)}).",
            advice,
        )
    lost = _minus(found.train_gain, found.gain)
    if lost.above(0) and lost.value > LOST * found.train_gain.value:
        return Verdict(
            Outcome.OVERFITTED,
            "The model is overfitted: beyond mean activities it predicts neurons by "
            f"{_nats(found.gain)} in held-out frames and by {_nats(found.train_gain)} in training "
            "frames.",
            advice,
        )
    return None


def _irregular(found: Findings) -> Verdict | None:
    pairs = found.explained.get("cov_vv")
    if pairs is None or pairs.reason:
        return None
    if not Estimate(pairs.train_share, pairs.train_error).below(ALIKE):
        return None
    return Verdict(
        Outcome.IRREGULAR,
        "The recording is too irregular to say: the covariances of neurons in the training frames "
        f"explain only {_percent(pairs.train_share, pairs.train_error)} of the reproducible "
        "covariance in the held-out frames. A model of the training frames can hardly do "
        "better.",
        "Look for drift, motion or a change of state, and train on a part without it.",
    )


def _too_few_units(found: Findings) -> Verdict | None:
    if not found.n_left_over:
        return None
    n = found.n_left_over
    what = "1 component" if n == 1 else f"{n} components"
    share = found.explained.get("cov_vv")
    told = (
        f", and it explains {_percent(share.share, share.error)} of the reproducible covariance"
        if share is not None and not share.reason
        else ""
    )
    return Verdict(
        Outcome.TOO_FEW_UNITS,
        f"The model has too few units: {what} of the covariance of neurons in held-out frames "
        f"{'is' if n == 1 else 'are'} beyond chance and not in the model{told}.",
        f"Train with at least {n} more assembl{'y' if n == 1 else 'ies'}.",
    )


def _listed(names: list[str]) -> str:
    """Join names with commas and "and"."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _does_not_reproduce(found: Findings) -> Verdict | None:
    failed = [name for name in found.nrmse if _fails(found, name)]
    if not failed:
        return None
    worst = [f"{STATISTICS[name].phrase} ({_score(found, name)})" for name in failed]
    better = any(
        _minus((each.train_share, each.train_error), (each.share, each.error)).above(0)
        for name, each in found.explained.items()
        if name in failed and not each.reason
    )
    advice = (
        "Do not draw conclusions from these statistics of the model. Training frames explain them "
        "better than the model does: train with more updates, or with another number of assemblies."
        if better
        else "Do not draw conclusions from these statistics of the model. Train with another "
        "number of assemblies or another penalty, or record for longer."
    )
    return Verdict(
        Outcome.DOES_NOT_REPRODUCE,
        f"The model does not reproduce the {_listed(worst)}. (nRMSE: 0 as good as the training "
        "frames, 1 chance. Explained share: 100 % all reproducible covariance, 0 % independent "
        "neurons.)",
        advice,
    )


def _unclear(found: Findings) -> Verdict | None:
    """Whether the covariances of neurons, or all statistics, are too uncertain to judge."""
    if found.nrmse and _known(found, "cov_vv"):
        return None
    score = _score(found, "cov_vv") if "cov_vv" in found.nrmse else ""
    return Verdict(
        Outcome.TOO_SHORT,
        "The recording is too short or too irregular to say: in its held-out frames the "
        f"covariances of neurons are too uncertain{f' ({score})' if score else ''}.",
        "Record for longer, or hold out more blocks.",
    )


def _reproduces(found: Findings) -> Verdict:
    known = [name for name in found.nrmse if _known(found, name)]
    unknown = [STATISTICS[name].phrase for name in found.nrmse if name not in known]
    share = found.explained.get("cov_vv")
    told = f"nRMSE {found.nrmse['cov_vv'].value:.2f}"
    if share is not None and not share.reason:
        told = (
            f"it explains {_percent(share.share, share.error)} of the reproducible covariance of "
            f"neurons; the training frames, {_percent(share.train_share, share.train_error)}"
        )
    return Verdict(
        Outcome.REPRODUCES,
        f"The model reproduces {'all' if not unknown else 'the other'} {len(known)} statistics of "
        f"the held-out frames within their errors ({told}).",
        f"The {' and the '.join(unknown)} are too uncertain to say." if unknown else "",
    )


def _minus(first: tuple[float, float], second: tuple[float, float]) -> Estimate:
    """Return the difference of two independent estimates."""
    return Estimate(first[0] - second[0], float(np.hypot(first[1], second[1])))


def _fails(found: Findings, name: str) -> bool:
    """Whether a statistic is clearly not reproduced, by its nRMSE or its explained share."""
    if found.nrmse[name].above(GOOD_NRMSE):
        return True
    share = found.explained.get(name)
    if share is None or share.reason:
        return False
    return Estimate(share.share, share.error).below(_asked(share))


def _known(found: Findings, name: str) -> bool:
    """Whether a statistic is reproduced by its value, which is certain enough to say so."""
    share = found.explained.get(name)
    value, error = found.nrmse[name]
    near = bool(np.isfinite(value) and value <= GOOD_NRMSE and error <= _UNCERTAIN)
    if share is None or share.reason:
        return near
    enough = share.error <= _UNCERTAIN and share.share >= _asked(share)
    return (near or enough) and Estimate(share.share, share.error).above(_AT_LEAST * _best(share))


def _asked(share: Explained) -> float:
    """Return the smallest explained share that counts as reproduced."""
    return GOOD_SHARE * _best(share)


def _best(share: Explained) -> float:
    """Return the share that the training frames explain, at most 1."""
    return min(share.train_share, 1.0) if np.isfinite(share.train_share) else 1.0


def _score(found: Findings, name: str) -> str:
    parts = []
    value, error = found.nrmse[name]
    if np.isfinite(value):
        sure = f" ± {error:.2f}" if np.isfinite(error) else ""
        parts.append(f"nRMSE {round(value, 2) + 0.0:.2f}{sure}")
    share = found.explained.get(name)
    if share is not None and not share.reason:
        parts.append(f"explained share {_percent(share.share, share.error)}")
    return ", ".join(parts)


def _percent(share: float, error: float) -> str:
    sure = f" ± {100 * error:.0f}" if np.isfinite(error) else ""
    return f"{100 * share:.0f}{sure} %"


def _nats(found: Estimate) -> str:
    sure = f" ± {found.error:.4f}" if np.isfinite(found.error) else ""
    return f"{found.value:+.4f}{sure} nats per neuron per frame"
