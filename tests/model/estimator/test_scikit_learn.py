"""The estimator keeps scikit-learn's conventions, as its own checks see them."""

from __future__ import annotations

import inspect
import pickle
import re
import subprocess
import sys
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import check_is_fitted

from napari_crbm.declarations import declared
from napari_crbm.errors import ModelError
from napari_crbm.model import CRBM, Settings
from tests.conftest import planted_raster

TINY = dict(
    n_hidden=1,
    n_updates=2,
    n_chains=10,
    batch_size=10,
    gibbs_steps=1,
    n_test_blocks=0,
    l1=0.0,
    n_threads=1,
)

#: Checks that cannot apply to binary data, and why.
CONTINUOUS = dict.fromkeys(
    (
        "check_fit_score_takes_y",
        "check_estimators_overwrite_params",
        "check_dont_overwrite_parameters",
        "check_estimators_fit_returns_self",
        "check_readonly_memmap_input",
        "check_n_features_in_after_fitting",
        "check_estimators_dtypes",
        "check_pipeline_consistency",
        "check_estimators_pickle",
        "check_f_contiguous_array_estimator",
        "check_transformer_data_not_an_array",
        "check_transformer_general",
        "check_transformer_preserve_dtypes",
        "check_methods_sample_order_invariance",
        "check_methods_subset_invariance",
        "check_fit2d_1sample",
        "check_fit2d_1feature",
        "check_dict_unchanged",
        "check_fit_idempotent",
        "check_fit_check_is_fitted",
        "check_n_features_in",
        "check_fit2d_predict1d",
        "check_positive_only_tag_during_fit",
        "check_estimators_nan_inf",
        "check_estimator_sparse_tag",
        "check_estimator_sparse_array",
        "check_estimator_sparse_matrix",
    ),
    "its data are not zeros and ones; CRBM refuses them in a sentence",
) | {"check_dtype_object": "its data are Python objects and not binary"}
#: The same for data that are made binary before the estimator sees them.
EVEN_IF_BINARY = {
    "check_n_features_in_after_fitting": "it asks for scikit-learn's sentence about 'features'; "
    "ours speaks of neurons",
    "check_dtype_object": "its data are Python objects, which CRBM refuses",
}


def binary(X: Any) -> Any:
    """Zeros and ones of the data of scikit-learn's checks; what cannot be compared stays."""
    if sparse.issparse(X):
        binary_matrix = sparse.csr_array(X)
        binary_matrix.data = (binary_matrix.data > 0.5).astype(np.uint8)
        return binary_matrix
    dense = np.asarray(X)
    if dense.dtype.kind not in "iuf" or not np.isfinite(dense).all():
        return X
    return dense > 0.5


class BinarisingCRBM(CRBM):
    """Makes data binary first, so that the checks reach the estimator."""

    def fit(self, X, y=None):
        return super().fit(binary(X))

    def partial_fit(self, X, y=None, *, n_updates=1):
        return super().partial_fit(binary(X), n_updates=n_updates)

    def fit_transform(self, X, y=None):
        return super().fit_transform(binary(X))

    def transform(self, X):
        return super().transform(binary(X))

    def score(self, X, y=None):
        return super().score(binary(X))


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [(CRBM(**TINY), CONTINUOUS), (BinarisingCRBM(**TINY), EVEN_IF_BINARY)],
    ids=["as it is", "on binary data"],
)
@pytest.mark.filterwarnings("ignore")
def test_check_estimator(estimator, expected):
    results = check_estimator(estimator, expected_failed_checks=expected)
    failed = {r["check_name"] for r in results if r["status"] == "xfail"}
    assert failed == set(expected), "expected to fail, but passed"
    assert sum(r["status"] == "passed" for r in results) >= 15


def test_every_setting_is_a_parameter_with_its_default_in_the_docstring():
    parameters = inspect.signature(CRBM).parameters
    assert {field.name for field in fields(Settings)} | {"recipe"} == set(parameters)
    described = dict(re.findall(r"^(\w+) : (.+\n(?: +.+\n)+)", inspect.getdoc(CRBM), re.MULTILINE))
    for setting in declared(Settings):
        text = " ".join(described[setting.name].split())
        assert setting.default_text in text, setting.name


def test_unknown_parameters_are_refused_by_name():
    with pytest.raises(ModelError, match=r"no parameter 'n_update'\. Did you mean n_updates\?"):
        CRBM(n_update=5)
    with pytest.raises(ModelError, match=r"no parameter 'xyz'\. It has batch_size, "):
        CRBM(xyz=5)
    with pytest.raises(ModelError, match="Did you mean learning_rate"):
        CRBM().set_params(lerning_rate=0.1)


def test_values_are_refused_by_fit():
    model = CRBM(n_updates=-1)
    with pytest.raises(ModelError, match="n_updates"):
        model.fit(np.eye(40))


def test_parameters_come_back():
    model = CRBM(7, l1=0.02, n_updates=11, random_state=None, recipe="quick")
    again = CRBM(**model.get_params())
    assert again.get_params() == model.get_params()
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(n_hidden=8, l1="auto") is model
    assert (model.n_hidden, model.l1) == (8, "auto")


@pytest.fixture(scope="module")
def raster() -> np.ndarray:
    return planted_raster(80, 600, n_assemblies=3, size=20)[0].dense()


def test_grid_search_over_the_number_of_hidden_units(raster):
    model = CRBM(n_updates=30, n_chains=20, n_test_blocks=0, n_threads=1)
    search = GridSearchCV(model, {"n_hidden": [1, 3]}, cv=2, error_score="raise").fit(raster)
    assert search.best_params_ == {"n_hidden": 3}
    assert search.best_estimator_.n_assemblies == 3
    assert search.score(raster) == search.best_estimator_.score(raster)


def test_a_pipeline_of_a_threshold_and_the_model(raster):
    fluorescence = raster + np.random.default_rng(0).uniform(0, 0.4, raster.shape)
    model = CRBM(3, n_updates=5, n_chains=20)
    pipeline = make_pipeline(Binarizer(threshold=0.5), model)
    activity = pipeline.fit_transform(fluorescence)
    np.testing.assert_array_equal(activity, clone(model).fit_transform(raster))


def test_fitted_and_not_fitted_are_told_apart(raster):
    model = CRBM(2, n_updates=2, n_chains=10)
    with pytest.raises(NotFittedError):
        check_is_fitted(model)
    assert not hasattr(model, "weights_") and not hasattr(model, "n_features_in_")
    model.fit(raster)
    check_is_fitted(model)
    assert model.n_features_in_ == 80
    assert not hasattr(clone(model), "weights_")
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.transform(raster), model.transform(raster))


def test_scikit_learn_is_not_needed():
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import numpy as np\n"
        "from napari_crbm import CRBM\n"
        "raster = np.random.default_rng(0).random((60, 20)) < 0.3\n"
        "model = CRBM(2, n_updates=2, n_chains=10).fit(raster)\n"
        "model.set_params(n_hidden=3).get_params()\n"
        "print(model.transform(raster).shape, model.score(raster) < 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["(60,", "2)", "True"]
