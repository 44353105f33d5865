import numpy as np
import pytest
from numba import njit
from scipy import integrate, special, stats

from napari_crbm.model.compute.randomness import stream, subkey, uniform32
from napari_crbm.model.units.drelu import DReLU


def one_unit(gp, gm, tp, tm) -> DReLU:
    return DReLU(*(np.array([float(value)]) for value in (gp, gm, tp, tm)))


GOLDEN_UNIT = one_unit(1.3, 0.7, 0.4, -0.9)
# Input, cumulant function, mean, variance: float64 quadrature of the definition.
GOLDEN = [
    (-6.0, 35.10442, -9.85714, 1.42857),
    (-2.0, 7.10445, -4.14273, 1.42913),
    (-0.3, 2.13546, -1.69275, 1.46259),
    (0.0, 1.69343, -1.25438, 1.45641),
    (0.8, 1.14483, -0.13910, 1.29252),
    (3.0, 3.39072, 1.99201, 0.78906),
    (7.0, 17.54160, 5.07692, 0.76923),
]


@pytest.mark.parametrize(("value", "cumulant", "mean", "variance"), GOLDEN)
def test_golden_numbers(value, cumulant, mean, variance):
    found = GOLDEN_UNIT.moments(np.array([[value]]))
    # The table is rounded to five decimals.
    assert GOLDEN_UNIT.cumulant(np.array([[value]]))[0, 0] == pytest.approx(cumulant, abs=6e-6)
    assert found.mean[0, 0] == pytest.approx(mean, abs=6e-6)
    assert found.variance[0, 0] == pytest.approx(variance, abs=6e-6)


@pytest.mark.parametrize(
    "parameters",
    [(1.3, 0.7, 0.4, -0.9), (1, 1, 4, 4), (1, 1, 8, 8), (5, 0.2, -6, -3), (2, 2, 0, 0)],
)
@pytest.mark.parametrize("value", [-20.0, -4.0, -1.0, 0.0, 2.0, 4.0, 15.0])
def test_moments_agree_with_quadrature_in_the_tails_too(parameters, value):
    unit = one_unit(*parameters)
    grid = np.concatenate([-np.geomspace(200, 1e-9, 200_001), np.geomspace(1e-9, 200, 200_001)])
    log_density = value * grid - unit.potential(grid[:, None])[:, 0]
    top = log_density.max()
    density = np.exp(log_density - top)

    def average(values):
        return integrate.trapezoid(values * density, grid) / integrate.trapezoid(density, grid)

    found = unit.moments(np.array([[value]]))
    exact = np.log(integrate.trapezoid(density, grid)) + top
    assert unit.cumulant(np.array([[value]]))[0, 0] == pytest.approx(exact, abs=1e-5, rel=1e-6)
    for power in range(4):
        up = average(np.where(grid > 0, np.abs(grid), 0) ** (power + 1))
        down = average(np.where(grid < 0, np.abs(grid), 0) ** (power + 1))
        assert found.plus[power, 0, 0] == pytest.approx(up, rel=1e-5, abs=1e-8)
        assert found.minus[power, 0, 0] == pytest.approx(down, rel=1e-5, abs=1e-8)


def test_variance_where_the_reference_implementation_is_wrong():
    # Its error function loses all digits here: 0.417 and 3.28 instead of these.
    assert one_unit(1, 1, 4, 4).moments(np.array([[2.0]])).variance[0, 0] == pytest.approx(
        0.1459, abs=5e-5
    )
    found = one_unit(1, 1, 8, 8).moments(np.array([[4.0]]))
    assert found.mean[0, 0] == pytest.approx(0.146, abs=5e-4)
    assert found.variance[0, 0] == pytest.approx(0.0545, abs=5e-5)


def test_mean_and_variance_are_derivatives_of_the_cumulant():
    inputs = np.linspace(-8, 8, 33)[:, None]
    step = 1e-4
    above, below = (GOLDEN_UNIT.moments(inputs + s) for s in (step, -step))
    here = GOLDEN_UNIT.moments(inputs)
    rise = GOLDEN_UNIT.cumulant(inputs + step) - GOLDEN_UNIT.cumulant(inputs - step)
    np.testing.assert_allclose(here.mean, rise / (2 * step), atol=1e-7)
    np.testing.assert_allclose(here.variance, (above.mean - below.mean) / (2 * step), atol=1e-7)


def test_float32_mean_agrees_with_the_moments():
    inputs = np.linspace(-30, 30, 101)[:, None]
    np.testing.assert_allclose(
        GOLDEN_UNIT.mean(inputs),
        GOLDEN_UNIT.moments(inputs).mean,
        rtol=1e-6,
        atol=1e-6,
    )


def conditional_cdf(unit: DReLU, value: float):
    grid = np.linspace(-40, 40, 800_001)
    log_density = value * grid - unit.potential(grid[:, None])[:, 0]
    density = np.exp(log_density - log_density.max())
    cumulative = integrate.cumulative_trapezoid(density, grid, initial=0)
    return lambda h: np.interp(h, grid, cumulative / cumulative[-1])


@pytest.mark.parametrize("parameters", [(1.3, 0.7, 0.4, -0.9), (1, 1, 6, 6), (3, 1, -4, -2)])
@pytest.mark.parametrize("value", [-3.0, 0.0, 2.5])
def test_samples_follow_the_conditional_distribution(parameters, value):
    unit = one_unit(*parameters)
    draws = unit.sample(np.full((20_000, 1), value), stream(3))[:, 0]
    assert stats.kstest(draws, conditional_cdf(unit, value)).pvalue > 1e-3
    # The test can tell: a slightly different unit is rejected.
    other = unit._replace(theta_plus=unit.theta_plus + 0.3, theta_minus=unit.theta_minus - 0.3)
    assert stats.kstest(draws, conditional_cdf(other, value)).pvalue < 1e-3


@pytest.mark.parametrize(
    "parameters",
    [(1, 1, 0, 0), (0.05, 2, 4, 1), (1, 1, 30, 30), (0.3, 3, -5, 20), (4, 4, -40, -40)],
)
@pytest.mark.parametrize("value", [-40.0, -3.0, 0.0, 0.5, 8.0])
def test_draws_are_quantiles_of_the_exact_distribution(parameters, value):
    """Both uniform numbers are known, so every single draw can be checked in float64."""
    gp, gm, tp, tm = parameters
    unit = one_unit(*parameters)
    n = 4000
    draws = unit.sample(np.full((n, 1), value), stream(9))[:, 0].astype(float)
    side, quantile = uniforms(stream(9), n)
    xp, xm = (tp - value) / np.sqrt(gp), (tm + value) / np.sqrt(gm)
    log_plus = special.log_ndtr(-xp) + xp**2 / 2 - np.log(gp) / 2
    log_minus = special.log_ndtr(-xm) + xm**2 / 2 - np.log(gm) / 2
    p = special.expit(log_plus - log_minus)
    clear = np.abs(side - p) > 1e-4
    assert np.array_equal(draws[clear] > 0, side[clear] < p)
    x, z = np.where(
        draws > 0, [np.full(n, xp), draws * np.sqrt(gp)], [np.full(n, xm), -draws * np.sqrt(gm)]
    )
    survival = np.exp(special.log_ndtr(-(x + z)) - special.log_ndtr(-x))
    # A draw is a float32: where it is small against the peak's distance it is coarser.
    atol = 2e-6 + 1e-7 * np.abs(x * (x + z))
    assert np.all(np.abs(survival - quantile) < atol)


def uniforms(key, n):
    """The two uniform numbers behind unit 0 of n rows."""
    return np.array([uniforms_of_row(key, b) for b in range(n)]).T


@njit
def uniforms_of_row(key, b):
    row = subkey(key, b)
    side, quantile = subkey(row, 0), subkey(row, 1)
    return first_uniform(side), first_uniform(quantile)


@njit
def first_uniform(key):
    low = np.uint32(key & np.uint64(0xFFFFFFFF))
    return uniform32(low, np.uint32(key >> np.uint64(32)), np.uint32(0))


@pytest.mark.parametrize(
    ("threshold", "mean"), [(2, 0.37322), (3, 0.28310), (4, 0.22561), (5, 0.18650), (6, 0.15848)]
)
def test_samples_do_not_collapse_behind_large_thresholds(threshold, mean):
    unit = one_unit(1, 1, threshold, threshold)
    draws = np.abs(unit.sample(np.zeros((200_000, 1)), stream(1)))
    assert draws.mean() == pytest.approx(mean, abs=5 * draws.std() / np.sqrt(draws.size))
