"""Expected co-activity under one model: reweight a pool of states, or draw clamped ones.

A whole screen is answered from one pool of states, each counted by how much it agrees with the
event. Where the counted states are worth fewer than `ENOUGH` independent ones, chains of the
clamped model are drawn instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_crbm.perturbation.cautions import MOST_UNUSUAL, cautions
from napari_crbm.perturbation.moments import Change, Moments
from napari_crbm.perturbation.perturbations import Perturbation
from napari_crbm.perturbation.pool import Pool, draw_clamped
from napari_crbm.perturbation.quantities import Quantities
from napari_crbm.perturbation.recorded import Recorded
from napari_crbm.regions import Regions

#: Effective number of independent states that a reweighted pool needs.
ENOUGH = 100
# States whose probabilities are computed together.
_STATES_AT_ONCE = 256
# Questions answered in one pass over the pool; this bounds the memory.
_QUESTIONS_AT_ONCE = 32
# States that count less than this share of the largest are left out.
_NEGLIGIBLE = 1e-6

Method = Literal["reweighting", "clamped chains"]
Report = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Expected:
    """What one model expects given an event, for every neuron, assembly and region.

    Parameters
    ----------
    perturbation : Perturbation
        With its level.
    method : {"reweighting", "clamped chains"}
    effective_size : float
        Independent states that the result is worth.
    neurons : Change
        Probability to be active, (N,) each. Errors are those of the chains alone.
    assemblies : Change
        Expected activity E[h], (M,), in standard deviations of the recorded activity from the
        recorded mean.
    regions : Change
        Mean probability of the neurons of each region outside the group, (R,); NaN for regions
        that lie in the group.
    recorded_share : float
        Share of the recorded frames in which the event occurs; for "hold", in which the activity
        of the assembly goes as far.
    unusual_share : float
        Share of the expected states whose free energy lies outside the range of the recording.
    cautions : tuple of str
        Sentences that must stand beside the result.
    extrapolates : bool
        Whether the event lies outside what was recorded.
    """

    perturbation: Perturbation
    method: Method
    effective_size: float
    neurons: Change
    assemblies: Change
    regions: Change
    recorded_share: float
    unusual_share: float
    cautions: tuple[str, ...]
    extrapolates: bool


class _Weighted(NamedTuple):
    """Normalised weights (n, K), independent states they are worth (K,), autocorrelation (K,)."""

    weights: NDArray[np.float64]
    worth: NDArray[np.float64]
    times: NDArray[np.float64]

    def some(self, questions: NDArray[np.int64]) -> _Weighted:
        """Return the weights of some questions."""
        return _Weighted(self.weights[:, questions], self.worth[questions], self.times[questions])


def expected(
    recorded: Recorded,
    perturbations: Sequence[Perturbation],
    pool: Pool,
    *,
    regions: Regions | None = None,
    random_state: int = 0,
    clamp: bool = True,
    enough: float = ENOUGH,
    report: Report | None = None,
) -> list[Expected]:
    """Compute what a model expects given each of several events.

    Parameters
    ----------
    recorded : Recorded
    perturbations : sequence of Perturbation
    pool : Pool
        States of the model as it is, see `draw_pool`.
    regions : Regions, optional
    random_state : int
        Seed of clamped chains.
    clamp : bool
        Whether chains are drawn where the pool falls short; otherwise such events are left out.
    enough : float
        Independent states that the reweighted pool must be worth.
    report : callable, optional
        Called with (questions answered, questions in all); may raise to cancel.

    Raises
    ------
    ModelError
        If a question does not fit the model.
    """
    asked = [each.settled(recorded) for each in perturbations]
    if not asked:
        return []
    answers = _Answers(recorded, regions, pool)
    logs = [each.log_weights(recorded, pool.spikes, pool.inputs) for each in asked]
    weighted = _weigh(pool, np.stack(logs, axis=1))
    suffices = weighted.worth >= enough
    in_groups = np.array([each.kind != "hold" for each in asked])
    found: dict[int, Expected] = {}

    def add(questions: NDArray[np.int64], results: list[Expected]) -> None:
        found.update(zip(questions.tolist(), results, strict=True))
        if report is not None:
            report(len(found), len(asked))

    together = np.flatnonzero(suffices & in_groups)
    for start in range(0, len(together), _QUESTIONS_AT_ONCE):
        some = together[start : start + _QUESTIONS_AT_ONCE]
        add(some, answers.together([asked[k] for k in some], weighted.some(some)))
    for k in np.flatnonzero(~(suffices & in_groups)):
        one = np.array([k])
        if suffices[k]:
            held = replace(pool, rbm=asked[k].clamped(recorded))
            add(one, [answers.apart(asked[k], held, weighted.some(one), "reweighting")])
        elif clamp:
            clamped = draw_clamped(asked[k], recorded, random_state=random_state)
            own = _weigh(clamped, clamped.log_weights[:, None])
            add(one, [answers.apart(asked[k], clamped, own, "clamped chains")])
    return [found[k] for k in sorted(found)]


def _weigh(pool: Pool, logs: NDArray[np.float64]) -> _Weighted:
    """Normalise logarithmic weights (n, K); nothing is worth an event that no state shows."""
    largest = logs.max(axis=0)
    possible = np.isfinite(largest)
    weights = np.exp(logs - np.where(possible, largest, 0.0))
    weights /= np.where(possible, weights.sum(axis=0), 1.0)
    times = pool.autocorrelation(weights * pool.n_states)
    size = 1 / np.maximum((weights**2).sum(axis=0), 1e-300)
    return _Weighted(weights, np.where(possible, size / times, 0.0), times)


class _Answers:
    """Answers to questions, by the states of a pool or by states of their own."""

    def __init__(self, recorded: Recorded, regions: Regions | None, pool: Pool) -> None:
        self._recorded, self._pool = recorded, pool
        self._quantities = Quantities(recorded, regions)
        self._unusual = _unusual(recorded, pool)
        self._before: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None

    def together(self, asked: Sequence[Perturbation], weighted: _Weighted) -> list[Expected]:
        """Answer questions about groups of neurons in one pass over the pool."""
        pool, of = self._pool, self._quantities
        shared = Moments(len(asked), of.n_neurons + of.n_hidden)
        own = [Moments(1, len(each.neurons) + of.n_regions) for each in asked]
        for here in _blocks(pool.n_states):
            values, weights = of.shared(pool, here), weighted.weights[here]
            shared.add(weights, values)
            for k, each in enumerate(asked):
                own[k].add(weights[:, [k]], of.own(pool, here, values, each.neurons))
        change = shared.change(weighted.times)
        found = []
        for k, each in enumerate(asked):
            one = weighted.some(np.array([k]))
            common = Change(change.before.copy(), change.given[k], change.error[k])
            special = own[k].change(one.times)
            special = Change(special.before, special.given[0], special.error[0])
            found.append(self._finish(each, pool, one, common, special, "reweighting"))
        return found

    def apart(
        self, asked: Perturbation, pool: Pool, weighted: _Weighted, method: Method
    ) -> Expected:
        """Answer one question by the states of another pool, or with other probabilities."""
        of, group = self._quantities, asked.neurons
        shared = Moments(1, of.n_neurons + of.n_hidden)
        own = Moments(1, len(group) + of.n_regions)
        weights = weighted.weights
        counted = np.flatnonzero(weights[:, 0] > _NEGLIGIBLE * weights.max())
        for here in _blocks(len(counted)):
            states = counted[here]
            values = of.shared(pool, states)
            shared.add(weights[states], values)
            own.add(weights[states], of.own(pool, states, values, group))
        mean, square = self._plain()
        n_shared = of.n_neurons + of.n_hidden
        probability = mean[: of.n_neurons]
        before = np.concatenate([probability[group], of.region_means(probability[None], group)[0]])
        squares = np.concatenate([square[group], square[n_shared:]])
        common = _difference(mean[:n_shared], square[:n_shared], shared, weighted.times)
        special = _difference(before, squares, own, weighted.times)
        if asked.kind == "hold":
            held = np.zeros((1, of.n_hidden))
            held[0, asked.assembly] = asked.value(self._recorded)
            place = of.n_neurons + asked.assembly
            common.given[place] = of.standardised(held)[0, asked.assembly]
            common.error[place] = np.sqrt(square[place])
        return self._finish(asked, pool, weighted, common, special, method)

    def _plain(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Compute means before the event and their squared errors, (N + M + R,)."""
        if self._before is None:
            pool, of = self._pool, self._quantities
            moments = Moments(1, of.n_neurons + of.n_hidden + of.n_regions)
            nobody = np.empty(0, dtype=np.int64)
            for here in _blocks(pool.n_states):
                values = of.shared(pool, here)
                regions = of.own(pool, here, values, nobody)
                moments.add(np.zeros((len(values), 1)), np.hstack([values, regions]))
            mean, square = moments.plain()
            # The slowest assembly decides how many states count as one.
            times = float(pool.autocorrelation(pool.activity).max())
            self._before = mean, square * times
        return self._before

    def _finish(
        self,
        asked: Perturbation,
        pool: Pool,
        weighted: _Weighted,
        common: Change,
        special: Change,
        method: Method,
    ) -> Expected:
        n_neurons, n_group = self._quantities.n_neurons, len(asked.neurons)
        for whole, part in zip(common, special, strict=True):
            whole[asked.neurons] = part[:n_group]
        same = pool.spikes is self._pool.spikes
        unusual = self._unusual if same else _unusual(self._recorded, pool)
        worth, unusual_share = float(weighted.worth[0]), float(weighted.weights[:, 0] @ unusual)
        share = asked.recorded_share(self._recorded)
        outside = share == 0 or unusual_share > MOST_UNUSUAL
        return Expected(
            asked,
            method,
            worth,
            Change(*(values[:n_neurons] for values in common)),
            Change(*(values[n_neurons:] for values in common)),
            Change(*(values[n_group:] for values in special)),
            share,
            unusual_share,
            cautions(asked, self._recorded, share, unusual_share, worth, ENOUGH, pool.memory),
            outside,
        )


def _blocks(n_states: int) -> list[slice]:
    return [slice(k, k + _STATES_AT_ONCE) for k in range(0, n_states, _STATES_AT_ONCE)]


def _difference(
    before: NDArray[np.float64],
    square: NDArray[np.float64],
    moments: Moments,
    times: NDArray[np.float64],
) -> Change:
    """Compute the change between means over states that were drawn apart."""
    given, own = moments.given()
    return Change(before.copy(), given[0], np.sqrt(square + times[0] * own[0]))


def _unusual(recorded: Recorded, pool: Pool) -> NDArray[np.bool_]:
    """Find the states (n,) whose free energy lies outside the range of the recording."""
    low, high = recorded.free_energy_range
    energies = recorded.rbm.free_energy(pool.spikes)
    return np.asarray((energies < low) | (energies > high))
