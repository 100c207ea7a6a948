"""The estimators are estimators: scikit-learn's own checks, and what is particular to them."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

import descent
from descent.sklearn import DescentClassifier, DescentRegressor

# Checks that fail with a reason, by name. There is none; one that is listed and passes is an error.
EXPECTED_FAILURES: dict[str, str] = {}


@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        pytest.param(estimator, check, id=f"{type(estimator).__name__}-{getattr(check, 'func', check).__name__}-{number}")
        for kind in (DescentClassifier, DescentRegressor)
        for number, (estimator, check) in enumerate(
            estimator_checks_generator(kind(), expected_failed_checks=EXPECTED_FAILURES, mark="xfail")
        )
    ],
)
@pytest.mark.filterwarnings("default")
def test_check_estimator(estimator, check):
    check(estimator)


@pytest.fixture
def iris():
    return load_iris(return_X_y=True)


def left(client):
    """What an estimator has left on the server."""
    runs = [run.name for run in client.runs.list() if run.name.startswith("sklearn-")]
    datasets = [one.name for one in client.datasets.list() if one.name.startswith("sklearn-")]
    return runs, datasets


def test_it_learns(iris):
    scores = cross_val_score(DescentClassifier(random_state=0), *iris, cv=3)
    assert scores.mean() > 0.93
    x, y = load_diabetes(return_X_y=True)
    scores = cross_val_score(DescentRegressor(random_state=0), x, y, cv=3)
    assert scores.mean() > 0.4


def test_it_is_a_part_of_pipelines_and_searches(iris):
    pipeline = make_pipeline(MinMaxScaler(), DescentClassifier(random_state=0))
    search = GridSearchCV(pipeline, {"descentclassifier__epochs": [1, 40]}, cv=2).fit(*iris)
    assert search.best_params_ == {"descentclassifier__epochs": 40}
    assert search.predict(iris[0][:5]).tolist() == [0] * 5


def test_fit_leaves_only_the_model(client, iris):
    before = left(client)
    estimator = DescentClassifier(epochs=2).fit(*iris)
    assert left(client) == before
    assert client.models.get(estimator.model_name_).name == estimator.model_name_
    estimator.discard()
    with pytest.raises(descent.NotFound):
        estimator.predict(iris[0])


def test_a_run_that_is_kept_can_be_looked_at(client, iris):
    estimator = DescentClassifier(epochs=3, keep_run=True).fit(*iris)
    run = client.runs.get(estimator.run_id_)
    assert run.progress["epoch"] == estimator.n_iter_ == len(estimator.loss_curve_) == 3
    client.datasets.get(run.raw["dataset"]["id"])


def test_what_the_server_refuses_is_a_value_error_and_leaves_nothing(client, iris):
    before = left(client)
    with pytest.raises(ValueError, match="/optimizer/kind"):
        DescentClassifier(optimizer="sdg").fit(*iris)
    with pytest.raises(descent.RunFailed, match="diverged"):
        DescentClassifier(optimizer={"kind": "sgd", "learning_rate": 1000.0}, epochs=50).fit(*iris)
    assert left(client) == before


def test_missing_values_are_learned_from(iris):
    x, y = iris[0].copy(), iris[1]
    x[::3, 2] = np.nan
    assert DescentClassifier(random_state=0).fit(x, y).score(x, y) > 0.9


def test_columns_of_zeros_and_ones_are_numbers():
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 20)
    estimator = DescentClassifier(random_state=0, keep_run=True).fit(x, x[:, 0])
    assert estimator.predict([[0.1, 0.5], [0.9, 0.5]]).tolist() == [0, 1]


def test_several_targets(iris):
    x = iris[0]
    estimator = DescentRegressor(random_state=0).fit(x, x[:, :2])
    assert estimator.predict(x).shape == (150, 2)
    assert estimator.score(x, x[:, :2]) > 0.9


def test_the_same_seed_gives_the_same_model(iris):
    one, two, other = (DescentClassifier(epochs=5, random_state=seed).fit(*iris).predict_proba(iris[0]) for seed in (1, 1, 2))
    assert (one == two).all()
    assert (one != other).any()


def test_early_stopping_wants_rows_that_validate(iris):
    stopping = {"metric": "validation_loss", "patience": 1}
    estimator = DescentClassifier(epochs=500, validation_fraction=0.2, early_stopping=stopping, random_state=0).fit(*iris)
    assert estimator.n_iter_ < 500


def test_a_client_is_shared_and_its_token_stays_here(client, iris):
    estimator = DescentClassifier(epochs=1, client=client)
    assert clone(estimator).client is client
    assert copy.deepcopy(client) is client
    stored = pickle.dumps(estimator.fit(*iris))
    token = client._http._http.headers["Authorization"].split()[1]
    assert token.encode() not in stored
    again = pickle.loads(stored)
    with again.client:
        assert again.predict(iris[0][:2]).shape == (2,)
