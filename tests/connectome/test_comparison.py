"""Maps compared by name; means over models and animals; files."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

from napari_crbm.anatomy.names import match_names, matched_name, mirrored_name
from napari_crbm.connectome import (
    RegionMap,
    add_to_project,
    compare_maps,
    load_project,
    mean_over_animals,
    mean_over_models,
    read_matrix,
    similarity,
)
from napari_crbm.connectome.nearness import nearness_of, partial_correlation
from napari_crbm.errors import FormatError, ModelError
from napari_crbm.io.reading.hdf5 import writing

NAMES = ("Pallium L", "Pallium R", "Tectum L", "Tectum R", "Raphe", "Habenula L")


def a_map(seed: int, names=NAMES, values=None, neurons=20) -> RegionMap:
    n = len(names)
    if values is None:
        half = np.random.default_rng(seed).lognormal(0, 1, (n, n))
        values = half + half.T
    return RegionMap(tuple(names), values, np.full(n, neurons))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Pallium L", "pallium_LEFT"),
        ("Pallium L", "Left Pallium"),
        ("Posterior tuberculum R", "posterior_teberculum_RIGHT"),
        ("MO_stripe_1_RIGHT", "MO stripe 1 (right)"),
        ("Raphe nucleus", "raphe_nucleus"),
    ],
)
def test_spellings_of_a_name_match(one, other):
    assert matched_name(one) == matched_name(other)


def test_names_match_by_region_and_side_only():
    assert matched_name("Pallium L") != matched_name("Pallium R")
    assert mirrored_name("pallium_LEFT") == matched_name("Pallium R")
    assert match_names(["b", "x", "A L"], ["a_LEFT", "B"]) == [(0, 1), (2, 0)]
    assert match_names(["nIII L"], ["oculomotor L"], {"nIII L": "oculomotor L"}) == [(0, 0)]


def test_comparison_is_by_name_not_by_place():
    first = a_map(1)
    order = [4, 2, 0, 5, 1]
    names = [n.replace(" L", "_LEFT").replace(" R", "_RIGHT") for n in np.array(NAMES)[order]]
    second = a_map(0, [*names, "Retina"], np.pad(first.values[np.ix_(order, order)], (0, 1)))
    found = compare_maps(first, second)
    assert found.pearson == pytest.approx(1) and found.spearman == pytest.approx(1)
    assert found.only_first == ("Tectum R",) and found.only_second == ("Retina",)
    assert found.n_pairs == 10 and found.logarithmic


def test_correlations_are_those_of_scipy():
    from scipy.stats import pearsonr, spearmanr

    first, second = a_map(1), a_map(2)
    lower = np.tril_indices(6, -1)
    x, y = first.values[lower], second.values[lower]
    found = compare_maps(first, second, n_permutations=10)
    assert found.pearson == pytest.approx(pearsonr(np.log10(x), np.log10(y)).statistic)
    assert found.spearman == pytest.approx(spearmanr(x, y).statistic)


def test_zero_connections_can_be_skipped():
    second = a_map(2)
    second.values[0, 1] = second.values[1, 0] = 0
    found = compare_maps(a_map(1), second, skip_zero=True)
    assert found.n_zero == 1 and found.n_pairs == 14
    assert compare_maps(a_map(1), second, diagonal=True).n_pairs == 21


def test_permutation_p_values_are_uniform_without_a_relation():
    p = [
        compare_maps(a_map(2 * s), a_map(2 * s + 1), n_permutations=99, seed=s).spearman_p
        for s in range(60)
    ]
    assert 0.3 < np.mean(p) < 0.7
    assert np.mean(np.array(p) <= 0.1) < 0.25


def test_similarity_leaves_self_comparisons_out():
    first = a_map(1)
    maps = {"a": first, "b": a_map(3), "c": a_map(0, values=2 * first.values)}
    table = similarity(maps, n_permutations=200)
    assert len(table) == 3
    same = table[(table["first"] == "a") & (table["second"] == "c")].iloc[0]
    # Of 6! = 720 orders of the regions, few come close to the right one.
    assert same["pearson"] == pytest.approx(1) and same["pearson_p"] < 0.02


def test_mean_over_animals_is_equation_22():
    names = ("A", "B", "C")
    rng = np.random.default_rng(0)
    maps, frames = [], [100, 300]
    for _ in range(2):
        half = rng.random((3, 3))
        maps.append(RegionMap(names, half + half.T, rng.integers(5, 50, 3)))
    found = mean_over_animals(maps, frames)
    for a in range(3):
        for b in range(3):
            weights = [
                t * (m.n_neurons[a] + m.n_neurons[b]) / 2 for t, m in zip(frames, maps, strict=True)
            ]
            expected = np.average([m.values[a, b] for m in maps], weights=weights)
            assert found.values[a, b] == pytest.approx(expected)
    assert found.low is None


def test_regions_of_some_animals_only():
    maps = [a_map(1, NAMES[:4]), a_map(2, NAMES[1:5]), a_map(3, NAMES[1:5])]
    found = mean_over_animals(maps, [10, 10, 10], min_neurons=10)
    assert found.names == NAMES[1:5] and found.left_out == (NAMES[0],)
    a, b = maps[1].names.index("Raphe"), found.names.index("Raphe")
    expected = (maps[1].values[a, a] + maps[2].values[a, a]) / 2
    assert found.values[b, b] == pytest.approx(expected)
    assert np.all(found.low <= found.values + 1e-12)


def test_maps_of_different_kinds_do_not_mix():
    other = RegionMap(NAMES, a_map(1).values, np.full(6, 9), measure="covariance")
    with pytest.raises(ModelError, match="different kinds"):
        mean_over_animals([a_map(1), other], [1, 1])
    with pytest.raises(ModelError, match="same regions"):
        mean_over_models([a_map(1), a_map(1, NAMES[:5])])


def test_too_few_common_regions_are_refused():
    with pytest.raises(ModelError, match="Only 0 regions have the same name"):
        compare_maps(a_map(1), a_map(1, ("u", "v", "w")))


def test_matrices_are_read_by_name(tmp_path):
    path = tmp_path / "matrix.csv"
    values = pd.DataFrame(
        [[0, 2, 4], [2, 0, 1], [0, 1, 0]], ["a_LEFT", "b", "c"], ["b", "c", "a_LEFT"]
    )
    values.to_csv(path)
    found = read_matrix(path)
    assert found.names == ("a_LEFT", "b", "c")
    np.testing.assert_allclose(found.values, [[4, 0.5, 1], [0.5, 2, 0], [1, 0, 1]])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_matrices_of_other_locales_are_read(tmp_path, encoding):
    """Decimal commas, semicolons, and names that are not ASCII."""
    path = tmp_path / "matrix.csv"
    path.write_text("x;Prétectum;b\nPrétectum;0,5;1,25\nb;0,75;2\n", encoding=encoding)
    found = read_matrix(path)
    assert found.names == ("Prétectum", "b")
    np.testing.assert_allclose(found.values, [[0.5, 1], [1, 2]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,a,b\na,1,2\n", "square table"),
        ("x,a,b\na,1,2\nc,1,2\n", "same region names"),
        ("x,a,b\na,1,high\nb,1,2\n", "not a number"),
        ("", "cannot be read"),
    ],
)
def test_other_tables_are_refused(tmp_path, text, message):
    path = tmp_path / "matrix.csv"
    path.write_text(text)
    with pytest.raises(FormatError, match=message):
        read_matrix(path)
    with pytest.raises(FormatError, match="no file"):
        read_matrix(tmp_path / "none.csv")


def test_projects_keep_every_model_of_every_animal(tmp_path):
    path = tmp_path / "study.h5"
    add_to_project(path, "fish 1", "m/1", a_map(1), n_frames=10, fingerprint="x")
    add_to_project(path, "fish 1", "m2", a_map(2), n_frames=10, fingerprint="x")
    add_to_project(path, "fish 2", "m1", a_map(3), n_frames=20, fingerprint="y")
    animals = load_project(path)
    assert list(animals) == ["fish 1", "fish 2"] and list(animals["fish 1"].maps) == ["m-1", "m2"]
    np.testing.assert_allclose(
        animals["fish 1"].mean.values, (a_map(1).values + a_map(2).values) / 2
    )
    assert animals["fish 2"].n_frames == 20 and animals["fish 2"].mean.names == NAMES
    with pytest.raises(FormatError, match="another recording already"):
        add_to_project(path, "fish 2", "m", a_map(1), n_frames=1, fingerprint="z")
    assert list(load_project(path)["fish 2"].maps) == ["m1"]


def test_incomplete_projects_are_refused(tmp_path):
    path = tmp_path / "study.h5"
    with writing(path, "project"):
        pass
    with pytest.raises(FormatError, match="animals"):
        load_project(path)
    other = tmp_path / "model.h5"
    with writing(other, "model"):
        pass
    with pytest.raises(FormatError, match="project of several animals"):
        load_project(other)


def distant(places) -> np.ndarray:
    return np.linalg.norm(places[:, None] - places[None], axis=-1)


def test_agreement_that_is_due_to_distance_vanishes_given_nearness():
    """Partial correlation: equal to that of the residuals of a regression on the control."""
    rng = np.random.default_rng(4)
    places = rng.random((30, 3))
    names = [f"region {k}" for k in range(30)]

    def near_is_strong() -> RegionMap:
        noise = rng.normal(0, 0.3, (30, 30))
        return a_map(0, names, 10 ** (-3 * distant(places) + noise + noise.T))

    first, second = near_is_strong(), near_is_strong()
    plain = compare_maps(first, second, n_permutations=100)
    # 9 Var(distance) = 0.56 of signal over 0.18 of noise: 0.76 is expected.
    assert 0.65 < plain.pearson < 0.87 and plain.pearson_p < 0.02
    assert np.isnan(plain.given_nearness) and plain.beyond_nearness is None
    given = compare_maps(first, second, centres_um=places, n_permutations=100)
    assert given.spearman == plain.spearman and abs(given.given_nearness) < 0.15
    # Permutations of regions never show that maps agree beyond nearness.
    assert given.beyond_nearness is None and "cannot be said" in given.nearness
    lower = np.tril_indices(30, -1)
    x, y, z = (rankdata(m[lower]) for m in (first.values, second.values, distant(places)))
    residuals = [v - np.polyval(np.polyfit(z, v, 1), z) for v in (x, y)]
    assert given.given_nearness == pytest.approx(np.corrcoef(residuals)[0, 1], abs=1e-9)


def test_agreement_that_is_due_to_mirror_images_vanishes_given_nearness():
    rng = np.random.default_rng(5)
    half = rng.random((15, 3)) * (1, 1, 0.4)
    places = np.concatenate([half, half * (1, 1, -1) + (0, 0, 1)])
    names = [f"r{k} {side}" for side in "LR" for k in range(15)]
    across = distant(np.concatenate([places, places * (1, 1, -1) + (0, 0, 1)]))[:30, 30:]
    maps = []
    for _ in range(2):
        noise = rng.normal(0, 0.2, (30, 30))
        maps.append(a_map(0, names, 10 ** (-3 * across + noise + noise.T)))
    found = compare_maps(*maps, centres_um=places, n_permutations=1)
    assert found.spearman > 0.6 and abs(found.given_nearness) < 0.2
    one_side = [each.among(names[:15]) for each in maps]
    assert len(nearness_of(one_side[0], places[:15])) == 1
    near = nearness_of(maps[0], places)
    np.testing.assert_allclose(near[0], distant(places))
    np.testing.assert_allclose(near[1], across, atol=1e-12)


def test_what_follows_from_distances_alone_is_no_more_than_nearness():
    places = np.random.default_rng(6).random((6, 3))
    first = a_map(1)
    first = replace(first, relocated=np.stack([a_map(k).values for k in range(1, 21)]))
    second = a_map(0, values=np.exp(-distant(places)))
    found = compare_maps(first, second, centres_um=places)
    assert np.isnan(found.given_nearness) and np.isnan(found.given_nearness_p)
    assert found.beyond_nearness is False and "no more than nearness" in found.nearness


def test_correlations_of_constants_or_too_few_values_are_unknown():
    x = np.arange(5.0)
    assert np.isnan(partial_correlation(x, np.ones(5)))
    assert np.isnan(partial_correlation(x[:2], x[:2]))
    assert np.isnan(partial_correlation(x, 2 * x, np.stack([x])))
    assert partial_correlation(x, 2 * x + 1) == pytest.approx(1)


def test_connections_within_regions_do_not_make_maps_alike():
    first, second = a_map(1), a_map(2)
    for each in (first, second):
        each.values[np.diag_indices(6)] = 1000
    table = similarity({"a": first, "b": second}, n_permutations=10)
    lower = np.tril_indices(6, -1)
    from scipy.stats import spearmanr

    expected = spearmanr(first.values[lower], second.values[lower]).statistic
    assert table["spearman"][0] == pytest.approx(expected)
    assert compare_maps(first, second, diagonal=True).spearman > 0.3


def test_regions_without_a_pair_are_named():
    second = a_map(2)
    second.values[2] = second.values[:, 2] = 0
    found = compare_maps(a_map(1), second, skip_zero=True, n_permutations=5)
    assert found.unused == ("Tectum L",) and "Tectum L" not in found.names
