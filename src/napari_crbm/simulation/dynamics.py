"""Simulate assemblies that excite and inhibit each other with delays.

An assembly is on or off. To the log-odds that it switches on, each of its sources adds coupling
times (drive - mean drive) of some frames before; what inhibits it also lowers the log-odds to stay
on. Members fire by the noisy OR of `napari_crbm.simulation.noisy_or`.

The drive of a source is the activity of its members, scaled so that it rises by about 1 when the
assembly switches on: then silencing neurons changes what follows. Or it is the state of the
assembly itself: neurons are then readings, and clamping them changes nothing else, however
strongly their activities correlate. `Dynamics.response` measures either on the simulator itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.special import expit, logit

from napari_crbm.errors import SettingError
from napari_crbm.simulation.noisy_or import EMISSION, NoisyOr, expected
from napari_crbm.simulation.planting import Planting
from napari_crbm.simulation.settings import SimulationSettings

_DWELL_RANGE_S = (0.75, 2.5)
_DELAY_RANGE_S = (0.25, 1.5)
# Share of directed couplings that inhibit.
_INHIBITORY = 0.3
# Duty and dwell time of the hidden signal that drives assemblies in common.
_COMMON_DUTY, _COMMON_DWELL_S = 0.15, 2.0
# Amplitude in log-odds and number of periods of a drift.
_DRIFT, _DRIFT_PERIODS = 1.0, 1.5
# Rounds and frames in which log-odds are adjusted until assemblies have their share of time.
_ROUNDS, _PILOT_FRAMES = 4, 4000
_COUPLING, _LATENT, _PILOT = 10, 11, 12
_BLOCK_FRAMES = 128


class Network(NamedTuple):
    """How L latent assemblies switch and depend on each other.

    Parameters
    ----------
    coupling : (L, L) float64
        Change of the log-odds of the target (row) by the source (column).
    delay : (L, L) int64
        Frames after which a coupling acts, at least 1.
    to_on, to_stay : (L,) float64
        Log-odds to switch on and to stay on without couplings.
    duty : (L,) float64
        Share of time that each is on: its mean drive.
    drift : (T,) float64
        Added to the log-odds of all.
    """

    coupling: NDArray[np.float64]
    delay: NDArray[np.int64]
    to_on: NDArray[np.float64]
    to_stay: NDArray[np.float64]
    duty: NDArray[np.float64]
    drift: NDArray[np.float64]


class Clamp(NamedTuple):
    """Neurons and assemblies that are held on or off in all frames."""

    neurons: NDArray[np.int64]
    assemblies: NDArray[np.int64]
    on: bool


class Response(NamedTuple):
    """True mean change of activity while something is clamped: clamped minus free.

    Parameters
    ----------
    neurons : (N,) float64
        Change of the probability to fire.
    assemblies : (K,) float64
        Change of the share of time that assemblies are on.
    """

    neurons: NDArray[np.float64]
    assemblies: NDArray[np.float64]


@dataclass(frozen=True)
class Dynamics:
    """Generator of a recording with coupled assemblies.

    Parameters
    ----------
    emission : NoisyOr
        Members, their probabilities to fire, and the common gain.
    network : Network
        The first K latent assemblies have members.
    acting : bool
        Whether the spikes of members carry the couplings.
    activity : (T, K) float32
        Zeros and ones; filled while `blocks` runs.
    seed : int
    parameters : dict
        Parameters stored in the truth beside the weights.
    """

    emission: NoisyOr
    network: Network
    acting: bool
    activity: NDArray[np.float32]
    seed: int
    parameters: dict[str, Any] = field(default_factory=dict)

    coverage: ClassVar[float] = NoisyOr.coverage
    largest: ClassVar[int | None] = NoisyOr.largest

    @classmethod
    def draw(
        cls, planting: Planting, gain: NDArray[np.float64], settings: SimulationSettings
    ) -> Dynamics:
        """Draw members as of `NoisyOr`, and the couplings between assemblies."""
        emission = NoisyOr.draw(planting, gain, settings)
        rng = np.random.default_rng([settings.seed, _COUPLING])
        duty = np.asarray(emission.parameters["duty"])
        network = _network(duty, len(gain), settings, rng)
        acting = settings.spikes_act and settings.couplings != "common"
        n_assemblies = len(duty)
        shown = slice(n_assemblies)
        return cls(
            emission,
            network,
            acting,
            np.zeros((len(gain), n_assemblies), dtype=np.float32),
            settings.seed,
            {
                "baseline": emission.baseline,
                "duty": duty,
                "gain_course": gain,
                "coupling": network.coupling[shown, shown],
                "delay_frames": network.delay[shown, shown],
            },
        )

    @property
    def weights(self) -> sparse.csc_array:
        """Probabilities of members to fire, (N, K)."""
        return self.emission.weights

    def blocks(self, frames: int) -> Iterator[NDArray[np.uint8]]:
        """Yield the raster in blocks of ``frames`` frames, (t, N) uint8; fill `activity`."""
        done = 0
        for spikes, on in self._run(len(self.activity), frames, self.seed):
            self.activity[done : done + len(on)] = on
            done += len(on)
            yield spikes

    def response(
        self,
        *,
        neurons: ArrayLike = (),
        assemblies: ArrayLike = (),
        on: bool = True,
        n_frames: int = 2000,
        seed: int = 0,
    ) -> Response:
        """Measure the true response to clamping neurons or assemblies.

        The simulator runs twice with the same random numbers, once with everything free.

        Parameters
        ----------
        neurons, assemblies : sequence of int
            What is clamped.
        on : bool
            Whether it is held on or off.
        n_frames, seed : int
        """
        n_neurons, n_assemblies = self.weights.shape
        held = Clamp(
            _numbers(neurons, n_neurons, "Neurons"),
            _numbers(assemblies, n_assemblies, "Assemblies"),
            on,
        )
        means = []
        for clamp in (held, None):
            v, z = np.zeros(n_neurons), np.zeros(n_assemblies)
            for spikes, states in self._run(n_frames, _BLOCK_FRAMES, seed, clamp):
                v += spikes.sum(axis=0, dtype=np.float64)
                z += states.sum(axis=0, dtype=np.float64)
            means.append((v / n_frames, z / n_frames))
        return Response(means[0][0] - means[1][0], means[0][1] - means[1][1])

    def _run(
        self, n_frames: int, frames: int, seed: int, clamp: Clamp | None = None
    ) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
        """Yield spikes (t, N) and states of assemblies (t, K), block by block."""
        n_neurons, n_assemblies = self.weights.shape
        n_latent = len(self.network.duty)
        reading = self._reading()
        past = np.tile(self.network.duty, (int(self.network.delay.max()) + 1, 1))
        state = np.random.default_rng([seed, _LATENT]).random(n_latent) < self.network.duty
        drift, gain = self.network.drift, self.emission.gain
        for number, start in enumerate(range(0, n_frames, frames)):
            n_here = min(frames, n_frames - start)
            switch = np.random.default_rng([seed, _LATENT, number]).random((n_here, n_latent))
            fire = np.random.default_rng([seed, EMISSION, number]).random(
                (n_here, n_neurons), dtype=np.float32
            )
            spikes = np.empty((n_here, n_neurons), dtype=np.uint8)
            states = np.empty((n_here, n_assemblies), dtype=np.float32)
            for row, frame in enumerate(range(start, start + n_here)):
                odds = _log_odds(self.network, state, past, frame) + drift[frame % len(drift)]
                state = switch[row] < expit(odds)
                if clamp is not None:
                    state[clamp.assemblies] = clamp.on
                states[row] = state[:n_assemblies]
                chance = self.emission.chances_now(states[row], gain[frame % len(gain)])
                spikes[row] = fire[row] < chance
                if clamp is not None:
                    spikes[row, clamp.neurons] = clamp.on
                drive = state.astype(np.float64)
                if self.acting:
                    drive[:n_assemblies] = reading(spikes[row])
                past[frame % len(past)] = drive
            yield spikes, states

    def _reading(self) -> Any:
        """Return a function from spikes (N,) to the drives (K,) of assemblies."""
        excited = sparse.csc_array(self.weights.multiply(self.weights > 0))
        member = sparse.csr_array((excited > 0).astype(np.float64).T)
        size = np.maximum(np.asarray(member.sum(axis=1)).ravel(), 1.0)
        strength = np.asarray(excited.sum(axis=0)).ravel() / size
        span = np.maximum(strength * (1 - member @ self.emission.baseline / size), 1e-6)
        # Members of several assemblies raise the reading; its mean is that of the drive.
        duty = self.network.duty[: len(size)]
        mean = member @ expected(self.weights, self.emission.baseline, duty) / size
        return lambda spikes: (member @ spikes / size - mean) / span + duty


def _numbers(given: ArrayLike, n_all: int, noun: str) -> NDArray[np.int64]:
    """Return numbers of neurons or assemblies; refuse those that do not exist."""
    index = np.asarray(given, dtype=np.int64).reshape(-1)
    if len(index) and not 0 <= index.min() <= index.max() < n_all:
        raise SettingError(
            f"{noun} to clamp are numbers from 0 to {n_all - 1}; found {index.tolist()}."
        )
    return index


def _log_odds(
    network: Network, state: NDArray[np.bool_], past: NDArray[np.float64], frame: int
) -> NDArray[np.float64]:
    """Compute the log-odds to be on, (L,), given drives of the last frames in a ring."""
    source = np.arange(len(state))
    delayed = past[(frame - network.delay) % len(past), source]
    driven = (network.coupling * (delayed - network.duty)).sum(axis=1)
    # Excitation switches on; it does not hold on, so that pairs cannot excite each other for ever.
    staying = network.to_stay + np.minimum(driven, 0.0)
    return np.asarray(np.where(state, staying, network.to_on + driven))


def _network(
    duty: NDArray[np.float64],
    n_frames: int,
    settings: SimulationSettings,
    rng: np.random.Generator,
) -> Network:
    """Draw dwell times and couplings, and adjust log-odds to the wanted shares of time."""
    rate, kind, strength = settings.frame_rate_hz, settings.couplings, settings.coupling_strength
    n_assemblies = len(duty)
    dwell = np.maximum(rng.uniform(*_DWELL_RANGE_S, n_assemblies) * rate, 1.5)
    if kind == "common":
        duty, dwell = np.append(duty, _COMMON_DUTY), np.append(dwell, _COMMON_DWELL_S * rate)
    n_latent = len(duty)
    coupling = np.zeros((n_latent, n_latent))
    shortest, longest = (max(round(delay * rate), 1) for delay in _DELAY_RANGE_S)
    delay = rng.integers(shortest, longest + 1, (n_latent, n_latent))
    order = rng.permutation(n_assemblies)
    if kind == "directed" and n_assemblies > 1:
        # A ring: each drives the next one and is driven by one.
        sign = np.where(rng.random(n_assemblies) < _INHIBITORY, -1.0, 1.0)
        coupling[np.roll(order, -1), order] = strength * sign
    if kind == "symmetric":
        pairs = order[: n_assemblies // 2 * 2].reshape(-1, 2).T
        delay = np.triu(delay) + np.triu(delay, 1).T
        coupling[pairs[0], pairs[1]] = coupling[pairs[1], pairs[0]] = strength
    if kind == "common":
        coupling[:n_assemblies, -1] = strength
    drift = np.zeros(n_frames)
    if kind == "drift":
        phase = rng.uniform(0, 2 * np.pi)
        drift = _DRIFT * np.sin(2 * np.pi * _DRIFT_PERIODS * np.arange(n_frames) / n_frames + phase)
    to_stay = logit(1 - 1 / dwell)
    to_on = logit(np.minimum(duty / (dwell * (1 - duty)), 0.9))
    network = Network(coupling, delay.astype(np.int64), to_on, to_stay, duty, drift)
    return _adjusted(network, rng) if coupling.any() or drift.any() else network


def _adjusted(network: Network, rng: np.random.Generator) -> Network:
    """Shift log-odds until the shares of time are as wanted in spite of couplings."""
    seed = int(rng.integers(2**31))
    for _ in range(_ROUNDS):
        generator = np.random.default_rng([seed, _PILOT])
        switch = generator.random((_PILOT_FRAMES, len(network.duty)))
        state = switch[0] < network.duty
        past = np.tile(network.duty, (int(network.delay.max()) + 1, 1))
        total = np.zeros(len(state))
        every = np.linspace(0, len(network.drift) - 1, _PILOT_FRAMES).astype(np.int64)
        for frame, chance in enumerate(switch):
            odds = _log_odds(network, state, past, frame) + network.drift[every[frame]]
            state = chance < expit(odds)
            past[frame % len(past)] = state
            total += state
        realised = np.clip(total / len(switch), 0.2 * network.duty, 5 * network.duty)
        network = network._replace(to_on=network.to_on + np.log(network.duty / realised))
    return network
