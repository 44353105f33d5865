"""A family of random recordings, on which a training must converge without being tuned for one.

Every recording draws its own number of neurons, frames and assemblies, their sizes, overlap,
strengths, durations and signs, the base rates, a common gain and drifts. `drawn` gives recording
``number`` of the family; `apart` gives the two recordings of 3,000 neurons that were kept apart.
The generators are written here, apart from `napari_crbm.simulation`, so that no choice of the
package enters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtri

from napari_crbm.spikes import Spikes

Generator = Literal["noisy-or", "crbm", "gaussian"]


@dataclass(frozen=True)
class Recipe:
    """What a recording is drawn from.

    ``activity`` is the share of active neurons in a mean frame, ``baseline`` the part of it that
    assemblies do not cause, ``strength`` the range of the members' probabilities, ``size`` the
    range of the assemblies' sizes in neurons, ``duration`` the range of their episodes in frames,
    ``gain`` the standard deviation of the common gain, ``drift`` that of each neuron's own slow
    log-rate, ``negative`` the share of the members that an assembly suppresses.
    """

    n_neurons: int = 3000
    n_frames: int = 4000
    n_assemblies: int = 30
    activity: float = 0.035
    baseline: float = 0.012
    strength: tuple[float, float] = (0.12, 0.5)
    size: tuple[int, int] = (50, 150)
    duration: tuple[float, float] = (4.0, 20.0)
    gain: float = 0.25
    drift: float = 0.0
    negative: float = 0.0
    generator: Generator = "noisy-or"


@dataclass(frozen=True)
class Drawn:
    """A recording and its truth: members (N, K) with sign, courses (T, K)."""

    recipe: Recipe
    spikes: Spikes
    members: NDArray[np.int8]
    courses: NDArray[np.float32]


def apart(low: bool = False) -> Recipe:
    """Recipe of the recordings kept apart: 3.5 % active, or 1.6 % with weaker members."""
    usual = Recipe()
    if not low:
        return usual
    return replace(usual, activity=0.016, baseline=0.0035, strength=(0.08, 0.3))


def recipe(number: int) -> Recipe:
    """Draw the recipe of one recording of the family."""
    rng = np.random.default_rng([2026, number])

    def between(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    n_neurons = int(between(300, 10_000))
    n_frames = int(between(1500, 10_000))
    activity = between(0.005, 0.06)
    weakest = between(0.05, 0.2)
    smallest = between(0.02, 0.06) * n_neurons
    shortest = between(2, 8)
    kinds: list[Generator] = ["noisy-or", "noisy-or", "crbm", "gaussian"]
    return Recipe(
        n_neurons,
        n_frames,
        int(min(between(5, 60), n_neurons / 25)),
        activity,
        activity * rng.uniform(0.2, 0.6),
        (weakest, weakest * rng.uniform(2, 4)),
        (max(int(smallest), 12), max(int(smallest * rng.uniform(1.5, 5)), 20)),
        (shortest, shortest * rng.uniform(2, 6)),
        rng.choice([0.0, rng.uniform(0, 0.4)]),
        rng.choice([0.0, rng.uniform(0, 0.5)]),
        rng.choice([0.0, rng.uniform(0, 0.2)]),
        str(rng.choice(kinds)),  # type: ignore[arg-type]
    )


def draw(of: Recipe, seed: int) -> Drawn:
    """Draw a recording."""
    rng = np.random.default_rng([seed, 7])
    members = _members(of, rng)
    n_neurons, n_frames = of.n_neurons, of.n_frames
    base = rng.lognormal(0, 0.8, n_neurons)
    base *= of.baseline / base.mean()
    sizes = (members > 0).sum(axis=0)
    strengths = rng.uniform(*of.strength, members.shape) * (members != 0)
    # Every assembly causes the same share of the activity.
    caused = (of.activity - of.baseline) * n_neurons / of.n_assemblies
    duty = np.clip(caused / (sizes * np.mean(of.strength)), 0.01, 0.3)
    courses = _courses(of, duty, rng)
    gain = np.exp(of.gain * _slow(n_frames, 1, n_frames / 15, rng)[:, 0])
    raster = np.zeros((n_frames, n_neurons), dtype=np.uint8)
    drift = _slow(n_frames, 8, n_frames / 4, rng)
    mixing = rng.standard_normal((8, n_neurons)) / np.sqrt(8)
    level = _level(of, base, members, strengths, courses) if of.generator != "noisy-or" else 0.0
    for start in range(0, n_frames, 500):
        part = slice(start, start + 500)
        z = courses[part]
        if of.generator == "noisy-or":
            silent = np.exp(z @ np.log1p(-strengths * (members > 0)).T)
            chance = 1 - (1 - base) * silent
            chance *= np.exp(z @ np.log1p(-0.8 * (members < 0)).T)
        else:
            chance = _odds(of, z, members, strengths, base, level)
        chance *= gain[part, None] * np.exp(of.drift * (drift[part] @ mixing))
        raster[part] = rng.random(chance.shape) < np.minimum(chance, 0.95)
    return Drawn(of, Spikes.from_dense(raster), members, courses)


def _members(of: Recipe, rng: np.random.Generator) -> NDArray[np.int8]:
    members = np.zeros((of.n_neurons, of.n_assemblies), dtype=np.int8)
    most = of.n_neurons // 2
    for assembly in range(of.n_assemblies):
        low, high = (min(bound, most) for bound in of.size)
        chosen = rng.choice(of.n_neurons, int(rng.integers(low, high + 1)), replace=False)
        members[chosen, assembly] = np.where(rng.random(len(chosen)) < of.negative, -1, 1)
    return members


def _courses(
    of: Recipe, duty: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Draw courses that are on (1) and off (0); of the Gaussian generator, their envelope."""
    courses = np.zeros((of.n_frames, of.n_assemblies), dtype=np.float32)
    for assembly, share in enumerate(duty):
        length = rng.uniform(*of.duration)
        n_episodes = max(int(round(share * of.n_frames / length)), 8)
        for start in rng.integers(0, of.n_frames, n_episodes):
            courses[start : start + max(int(rng.poisson(length)), 1), assembly] = 1
    if of.generator == "gaussian":
        courses *= rng.gamma(2, 0.5, courses.shape)
    return courses


def _odds(
    of: Recipe,
    z: NDArray[np.float32],
    members: NDArray[np.int8],
    strengths: NDArray[np.float64],
    base: NDArray[np.float64],
    level: float,
) -> NDArray[np.float64]:
    """Chances (t, N) of a logistic ('crbm') or probit ('gaussian') response to the courses."""
    if of.generator == "crbm":
        shifts = np.log(1 + strengths / base.mean()) * np.sign(members)
        return expit(np.log(base)[None, :] + level + z @ shifts.T)
    shifts = (ndtri(strengths.clip(1e-6, 0.9) + base.mean()) - ndtri(base.mean())) * members
    shifts[members == 0] = 0
    from scipy.special import ndtr

    return np.asarray(ndtr(ndtri(base.clip(1e-5, 0.9))[None, :] + level + z @ shifts.T))


def _level(
    of: Recipe,
    base: NDArray[np.float64],
    members: NDArray[np.int8],
    strengths: NDArray[np.float64],
    courses: NDArray[np.float32],
) -> float:
    """Find the shift of all neurons with which the mean activity is as asked."""
    some = courses[:: max(1, len(courses) // 200)]
    low, high = -6.0, 3.0
    for _ in range(25):
        middle = (low + high) / 2
        mean = _odds(of, some, members, strengths, base, middle).mean()
        low, high = (middle, high) if mean < of.activity else (low, middle)
    return (low + high) / 2


def _slow(n_frames: int, n: int, scale: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw smooth noise of unit variance, (T, n), with correlation over ``scale`` frames."""
    noise = rng.standard_normal((n_frames, n))
    frequency = np.fft.rfftfreq(n_frames)[:, None]
    smooth = np.fft.irfft(
        np.fft.rfft(noise, axis=0) * np.exp(-((frequency * scale) ** 2) * 2), n_frames, axis=0
    )
    smooth -= smooth.mean(axis=0)
    return np.asarray(smooth / smooth.std(axis=0))
