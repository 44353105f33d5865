r"""What is asked of a model: to silence a group of neurons, to drive it, or to hold an assembly.

Each is an event, and what is computed is the activity that the model expects given that event.
With n_S(v), the number of active neurons of the group S, the event is

* silence: n_S = 0;
* drive to a level q: n_S >= q;
* hold: hidden unit :math:`\mu` has the value c.

A model without direction in time does not tell a group that is made active from one that is seen
to be active, so nothing here is a prediction of what a stimulation causes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_crbm.errors import ModelError
from napari_crbm.model.rbm import RBM
from napari_crbm.perturbation.recorded import LEVEL_QUANTILE, Recorded, active_counts
from napari_crbm.spikes import Spikes

Kind = Literal["silence", "drive", "hold"]
KINDS: tuple[Kind, ...] = ("silence", "drive", "hold")
#: States in which an assembly is held, unless a value is given.
STATES = ("on", "off")
#: Quantiles of what the recording shows that a dose curve visits.
DOSES = (0.5, 0.75, 0.9, 0.95, 0.99, 1.0)


@dataclass(frozen=True, eq=False)
class Perturbation:
    """One question to a model; make it with `silence`, `drive` or `hold`.

    Parameters
    ----------
    kind : {"silence", "drive", "hold"}
    name : str
        What is perturbed, for tables and figures.
    neurons : (n,) int64
        The group; empty for "hold".
    level : int, optional
        For "drive": at least so many neurons of the group are active. None stands for the
        `LEVEL_QUANTILE` of what the recording shows.
    assembly : int
        For "hold": the assembly; -1 otherwise.
    state : {"on", "off"} or float
        For "hold": the mean activity while the assembly is on or off in the recording, or a value.
    """

    kind: Kind
    name: str
    neurons: NDArray[np.int64]
    level: int | None = None
    assembly: int = -1
    state: str | float = "on"

    @property
    def words(self) -> str:
        """The event in words, such as "at least 12 of the 40 neurons of assembly 3 active"."""
        if self.kind == "hold":
            shown = self.state if isinstance(self.state, str) else f"at {self.state:.2f}"
            return f"{self.name} held {shown}"
        some = f"the {len(self.neurons):,} neurons of {self.name}"
        if len(self.neurons) == 1:
            return f"{self.name} {'silent' if self.kind == 'silence' else 'active'}"
        if self.kind == "silence":
            return f"{some} silent"
        level = "many" if self.level is None else f"at least {self.level:,}"
        return f"{level} of {some} active"

    def settled(self, recorded: Recorded) -> Perturbation:
        """Return the same question with its level or value taken from the recording.

        Raises
        ------
        ModelError
            If it does not fit the model: no such neuron or assembly, or a level that cannot be.
        """
        if self.kind == "hold":
            return self._held(recorded)
        outside = self.neurons[(self.neurons < 0) | (self.neurons >= recorded.rbm.n_neurons)]
        if len(outside):
            raise ModelError(
                f"There is no neuron {outside[0]}: the model's neurons are 0 to "
                f"{recorded.rbm.n_neurons - 1}."
            )
        if self.kind == "silence":
            return self
        level = self.level
        if level is None:
            level = max(int(recorded.level(self.neurons, LEVEL_QUANTILE)), 1)
        if not 1 <= level <= len(self.neurons):
            raise ModelError(
                f"The level of {self.name} must be a number of active neurons from 1 to "
                f"{len(self.neurons):,}; found {level:,}."
            )
        return replace(self, level=level)

    def _held(self, recorded: Recorded) -> Perturbation:
        if not 0 <= self.assembly < recorded.rbm.n_hidden:
            raise ModelError(
                f"There is no assembly {self.assembly}: the model's assemblies are 0 to "
                f"{recorded.rbm.n_hidden - 1}."
            )
        if isinstance(self.state, str) and self.state not in STATES:
            raise ModelError(
                f"An assembly is held 'on', 'off' or at a value; found '{self.state}'."
            )
        if not isinstance(self.state, str) and not np.isfinite(self.state):
            raise ModelError(f"An assembly cannot be held at {self.state}: give a finite value.")
        return self

    def value(self, recorded: Recorded) -> float:
        """Return the value at which the assembly is held."""
        if isinstance(self.state, str):
            return recorded.mode(self.assembly, on=self.state == "on")
        return float(self.state)

    def recorded_share(self, recorded: Recorded) -> float:
        """Return the share of the recorded frames in which the event occurs.

        For "hold": in which the activity of the assembly goes as far from its mean.
        """
        if self.kind == "hold":
            course = recorded.activity[:, self.assembly].astype(np.float64)
            value = self.value(recorded)
            return float(np.mean(course >= value if value >= course.mean() else course <= value))
        counts = active_counts(recorded.spikes, self.neurons)
        inside = counts == 0 if self.kind == "silence" else counts >= (self.level or 1)
        return float(np.mean(inside))

    def log_weights(
        self, recorded: Recorded, spikes: Spikes, inputs: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Compute the logarithm of how much each state counts, given the event, (n,).

        States drawn from the model, counted so, follow the model given the event. States of the
        recording, counted so, are what was recorded of the event.

        Parameters
        ----------
        recorded : Recorded
        spikes : Spikes
            States (n, N).
        inputs : (n, M) float32
            Their hidden inputs.
        """
        if self.kind == "hold":
            unit = np.array([self.assembly])
            own = inputs[:, unit]
            gain = recorded.rbm.hidden.select(unit).cumulant(own)[:, 0]
            return np.asarray(self.value(recorded) * own[:, 0].astype(np.float64) - gain)
        n_active = active_counts(spikes, self.neurons)
        inside = n_active == 0 if self.kind == "silence" else n_active >= (self.level or 1)
        return np.where(inside, 0.0, -np.inf)

    def closeness(self, recorded: Recorded) -> NDArray[np.float64]:
        """Return how close each recorded frame comes to the event, (T,); its maximum is there."""
        if self.kind == "hold":
            return self.log_weights(recorded, recorded.spikes, recorded.inputs)
        counts = active_counts(recorded.spikes, self.neurons).astype(np.float64)
        return -counts if self.kind == "silence" else np.minimum(counts, self.level or 1)

    def clamped(self, recorded: Recorded, push: float = 0.0) -> RBM:
        """Return a cRBM that follows the event, or for "drive" comes close to it.

        Silent neurons get a field of minus infinity, which is the model without them. A unit that
        is held at c adds ``c w`` to the fields and loses its weights. A driven group gets ``push``
        added to its fields; states are then counted by `pushed_log_weights`.
        """
        rbm = recorded.rbm
        fields = rbm.fields.copy()
        if self.kind == "hold":
            weights = rbm.weights.copy()
            fields += np.float32(self.value(recorded)) * weights[:, self.assembly]
            weights[:, self.assembly] = 0
            return replace(rbm, fields=fields, weights=weights)
        if self.kind == "silence":
            fields[self.neurons] = -CERTAIN
        elif self.level == len(self.neurons):
            fields[self.neurons] = CERTAIN
        else:
            fields[self.neurons] += np.float32(push)
        return replace(rbm, fields=fields)

    def pushed_log_weights(self, spikes: Spikes, push: float) -> NDArray[np.float64]:
        """Compute how much states drawn from `clamped` count, (n,), logarithmic."""
        if self.kind != "drive":
            return np.zeros(spikes.n_frames)
        n_active = active_counts(spikes, self.neurons)
        if self.level == len(self.neurons):
            return np.zeros(spikes.n_frames)
        return np.where(n_active >= (self.level or 1), -push * n_active, -np.inf)


#: Field of a neuron that is always active; minus it, of one that never is.
CERTAIN = np.float32(1e4)


def silence(neurons: ArrayLike, name: str = "the group") -> Perturbation:
    """Ask what the model expects while all neurons of a group are silent.

    Raises
    ------
    ModelError
        If the group is empty or lists a neuron twice.
    """
    return Perturbation("silence", name, _group(neurons))


def drive(neurons: ArrayLike, level: int | None = None, name: str = "the group") -> Perturbation:
    """Ask what the model expects while at least ``level`` neurons of a group are active.

    By default the level is that of the group's most active frames: the 95 % quantile of the
    number of its neurons that are active in the recorded frames, and at least one.

    Raises
    ------
    ModelError
        If the group is empty or lists a neuron twice.
    """
    return Perturbation("drive", name, _group(neurons), level)


def hold(assembly: int, state: str | float = "on", name: str = "") -> Perturbation:
    """Ask what the model expects while an assembly is held on, off or at a value."""
    none = np.empty(0, dtype=np.int64)
    return Perturbation("hold", name or f"assembly {assembly}", none, None, assembly, state)


def dose_curve(perturbation: Perturbation, recorded: Recorded) -> list[Perturbation]:
    """Return the same question at the levels of `DOSES`, without repetition.

    Levels are quantiles of the number of active neurons, or of the activity of the assembly, over
    the recorded frames: none lies outside what was recorded.

    Raises
    ------
    ModelError
        For "silence", which has no levels.
    """
    if perturbation.kind == "silence":
        raise ModelError("A silent group has no levels: a dose curve needs 'drive' or 'hold'.")
    if perturbation.kind == "hold":
        perturbation.settled(recorded)
        activity = recorded.activity[:, perturbation.assembly]
        values = np.quantile(activity, (0.0, *DOSES), method="higher")
        return [replace(perturbation, state=float(value)) for value in np.unique(values)]
    levels = {max(int(recorded.level(perturbation.neurons, dose)), 1) for dose in DOSES}
    return [replace(perturbation, level=level) for level in sorted(levels)]


def _group(neurons: ArrayLike | Sequence[int]) -> NDArray[np.int64]:
    group = np.asarray(neurons)
    if group.ndim != 1 or not len(group):
        raise ModelError("The group has no neurons: choose some first.")
    if group.dtype.kind not in "iu":
        raise ModelError(f"Neurons are given by their numbers; found {group.dtype}.")
    if len(np.unique(group)) != len(group):
        raise ModelError("The group lists a neuron twice: name every neuron once.")
    return np.sort(group).astype(np.int64)
