import numpy as np
import pytest
from scipy.stats import chi2

from napari_crbm.model import CRBM
from napari_crbm.simulation.gibbs import GibbsGenerator
from napari_crbm.simulation.isolated import Wells, as_units, fit_potential, fit_unit, member_gain
from napari_crbm.spikes import Spikes
from tests.conftest import all_patterns, random_model


def members(n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(2.5, 5.0, n), np.log(0.015 * rng.lognormal(0, 0.8, n))


def test_member_gain_is_the_logarithm_of_the_sum_over_members():
    weights, log_odds = np.array([0.7, -1.2, 2.0]), np.array([-1.0, 0.5, -3.0])
    patterns = all_patterns(3)
    for h in (-1.5, 0.0, 2.0):
        exponent = patterns @ (log_odds + weights * (h + 0.4))
        expected = np.log(np.exp(exponent).sum())
        assert member_gain(np.array([h]), weights, log_odds, -0.4)[0] == pytest.approx(expected)


def test_wells_meet_at_zero_and_have_the_asked_depth():
    wells = Wells.with_duty(0.1, depth=1.5)
    values = wells.log_density(np.array([-1e-9, 1e-9, wells.on, wells.off]))
    assert values[0] == pytest.approx(values[1], abs=1e-6)
    assert values[2] - values[1] == pytest.approx(1.5, abs=1e-6)
    assert values[3] - values[2] == pytest.approx(np.log(9), abs=1e-6)


def test_potential_without_members_is_the_target_itself():
    wells = Wells.with_duty(0.1, depth=2.0)
    parameters, _, _ = fit_potential(np.zeros(1), np.zeros(1), wells)
    exact = [1 / 0.16, 1 / 0.16, -wells.on / 0.16, wells.off / 0.16]
    np.testing.assert_allclose(parameters, exact, rtol=1e-3)


@pytest.mark.parametrize("size", [10, 40, 150])
def test_units_are_on_as_often_as_asked_and_switch(size):
    shifts, log_odds = members(size)
    unit = fit_unit(shifts, log_odds, duty=0.08, depth=2.0)
    grid = np.linspace(unit.off - 3, 8, 4001)
    log_density = member_gain(grid, shifts / unit.separation, log_odds, unit.off)
    up, down = np.maximum(grid, 0), np.maximum(-grid, 0)
    gp, gm, tp, tm = unit.parameters
    log_density -= 0.5 * gp * up**2 + 0.5 * gm * down**2 + tp * up + tm * down
    density = np.exp(log_density - log_density.max())
    density /= density.sum()
    assert density[grid > 0].sum() == pytest.approx(0.08, abs=0.015)
    # The way up is steep but not forbidding.
    between = (grid > unit.off) & (grid < unit.off + unit.separation)
    barrier = log_density.max() - log_density[between].min()
    assert 1.5 < barrier < 6.5


def test_frames_follow_the_model_exactly():
    """Chi-square of the generator's frames against enumeration of a tiny model."""
    model: CRBM = random_model(5, 2, seed=3, scale=0.6)
    n_frames = 6000
    generator = GibbsGenerator(
        model,
        None,
        np.zeros(5, dtype=np.uint8),
        seed=0,
        activity=np.zeros((n_frames, 2), dtype=np.float32),
        gain=np.ones(n_frames),
    )
    frames = np.concatenate([block.copy() for block in generator.blocks(500)])
    # Every fifth frame: tests of goodness of fit assume independent draws.
    codes = (frames[::5] @ (1 << np.arange(5))).astype(int)
    observed = np.bincount(codes, minlength=32)
    log_probability = model.log_probability_unnormalised(Spikes.from_dense(all_patterns(5)))
    expected = np.exp(log_probability - log_probability.max())
    expected *= len(codes) / expected.sum()
    likely = expected >= 5
    o = np.append(observed[likely], observed[~likely].sum())
    e = np.append(expected[likely], expected[~likely].sum())
    o, e = o[e > 0], e[e > 0]
    statistic = ((o - e) ** 2 / e).sum()
    assert chi2.sf(statistic, len(o) - 1) > 1e-3
    # The truth's activity belongs to the same frames.
    np.testing.assert_allclose(
        generator.activity, model.transform(Spikes.from_dense(frames)), rtol=1e-4, atol=1e-5
    )


def test_as_units_keeps_the_order_of_parameters():
    units = as_units(np.array([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]))
    np.testing.assert_array_equal(units.gamma_minus, [2.0, 6.0])
    np.testing.assert_array_equal(units.theta_minus, [4.0, 8.0])
