"""Estimators for scikit-learn that train on a Descent server.

```python
from sklearn.model_selection import cross_val_score
from descent.sklearn import DescentClassifier

cross_val_score(DescentClassifier(epochs=50), X, y)
```

`fit` uploads `X` and `y` as a temporary dataset, trains a run on all rows, and keeps the name of the model; predictions are asked
of the server. Run and dataset are deleted afterwards (`keep_run=True` keeps them), the model stays until `discard`. Without a
`client`, address and token come from DESCENT_URL and DESCENT_TOKEN, so that an estimator is copied and pickled without a token.
Missing values (NaN) are allowed: the server imputes them and tells the network where they were.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from ._sync.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._rows import Prediction
    from ._sync.run import Run

__all__ = ["DescentClassifier", "DescentRegressor"]

SEEDS = 2**31 - 1
INPUT: dict[str, Any] = {"dtype": np.float64, "ensure_all_finite": "allow-nan"}


class _DescentEstimator(BaseEstimator):  # type: ignore[misc]
    """What both have in common. The parameters are the members of a spec; None leaves the choice to the server."""

    def __init__(
        self,
        *,
        network: Any = None,
        loss: Any = None,
        optimizer: Any = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        random_state: Any = None,
        validation_fraction: float = 0.0,
        early_stopping: Mapping[str, Any] | None = None,
        keep_run: bool = False,
        verbose: bool = False,
        client: Client | None = None,
    ) -> None:
        self.network = network
        self.loss = loss
        self.optimizer = optimizer
        self.epochs = epochs
        self.batch_size = batch_size
        self.random_state = random_state
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.keep_run = keep_run
        self.verbose = verbose
        self.client = client

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def discard(self) -> None:
        """Deletes the model on the server. The estimator cannot predict afterwards."""
        check_is_fitted(self, "model_name_")
        with self._connected() as client:
            client.models.delete(self.model_name_)

    def _train(self, features: Any, targets: Mapping[str, list[str]], kind: str, split: str) -> None:
        """Trains on all rows but those that validate; `targets` are the cells of the columns to be predicted."""
        seed = int(check_random_state(self.random_state).randint(SEEDS))
        name = f"sklearn-{uuid.uuid4().hex[:16]}"
        names = [f"x{idx}" for idx in range(features.shape[1])]
        with self._connected() as client:
            dataset = client.datasets.upload(_table(names, features, targets), name=name)
            # Numbers are numbers here, even if all of them are 0 and 1 and would otherwise be read as a boolean.
            wrong = {column: "numeric" for column in names if dataset.columns[column] not in ("numeric", "integer")}
            if kind == "regression":
                wrong.update({one: "numeric" for one in targets if dataset.columns[one] not in ("numeric", "integer")})
            else:
                wrong.update({one: "categorical" for one in targets if dataset.columns[one] != "categorical"})
            run = None
            try:
                if wrong:
                    dataset.change(columns=wrong)
                run = client.runs.submit(
                    name=name,
                    dataset=dataset,
                    task={
                        "kind": kind,
                        "target": list(targets) if len(targets) > 1 else next(iter(targets)),
                        "features": {"include": names},
                        "split": {"kind": split, "validation": self.validation_fraction, "test": 0.0},
                    },
                    network=self.network,
                    loss=self.loss,
                    optimizer=self.optimizer,
                    training={} if self.early_stopping is None else {"early_stopping": dict(self.early_stopping)},
                    epochs=self.epochs,
                    batch_size=self.batch_size,
                    seed=seed,
                )
                run.wait(progress=None if self.verbose else False)
                self._learn(run)
            finally:
                if run is not None and not run.terminal:
                    # Interrupted: nobody will ask for it any more.
                    run.cancel().wait(progress=False)
                if not self.keep_run:
                    if run is not None:
                        run.delete()
                    dataset.delete()

    def _learn(self, run: Run) -> None:
        self.model_name_ = str(run.model_name)
        self.run_id_ = run.id
        self.n_iter_ = run.progress["epoch"]
        self.loss_curve_ = run.series(["train_loss"])[0]["values"]

    def _ask(self, features: Any) -> list[Prediction]:
        with self._connected() as client:
            predictions: list[Prediction] = client.models.get(self.model_name_).predict(features)
            return predictions

    @contextmanager
    def _connected(self) -> Iterator[Client]:
        if self.client is not None:
            yield self.client
        else:
            with Client() as client:
                yield client


class DescentClassifier(ClassifierMixin, _DescentEstimator):  # type: ignore[misc]
    """A classifier that is trained on a Descent server."""

    def fit(self, X: Any, y: Any) -> DescentClassifier:  # noqa: N803
        """Learns the classes `y` of the rows `X`."""
        X, y = validate_data(self, X, y, ensure_min_samples=2, **INPUT)  # noqa: N806
        check_classification_targets(y)
        y = column_or_1d(y, warn=True)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y has one class only, {self.classes_[0]!r}; a classifier needs at least two")
        self._train(X, {"y": [f"class {code}" for code in codes]}, "classification", "stratified")
        return self

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        """Probability of each class, in the order of `classes_`."""
        check_is_fitted(self, "model_name_")
        X = validate_data(self, X, reset=False, **INPUT)  # noqa: N806
        names = [f"class {code}" for code in range(len(self.classes_))]
        predictions = self._ask(X)
        found = np.array([[one.probabilities[name] for name in names] for one in predictions], dtype=np.float64)
        # The server's are of single precision and add up to 1 in that.
        return found / found.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> Any:  # noqa: N803
        """The most probable class of each row."""
        probabilities = self.predict_proba(X)
        return self.classes_[np.argmax(probabilities, axis=1)]


class DescentRegressor(RegressorMixin, _DescentEstimator):  # type: ignore[misc]
    """A regressor that is trained on a Descent server, for one target or several."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Any, y: Any) -> DescentRegressor:  # noqa: N803
        """Learns the targets `y` of the rows `X`."""
        X, y = validate_data(self, X, y, ensure_min_samples=2, multi_output=True, y_numeric=True, **INPUT)  # noqa: N806
        columns = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
        self.n_outputs_ = 0 if np.ndim(y) == 1 else columns.shape[1]
        targets = {f"y{idx}": [repr(value) for value in column.tolist()] for idx, column in enumerate(columns.T)}
        self._train(X, targets, "regression", "random")
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        """The value of each target, with the shape that `y` had."""
        check_is_fitted(self, "model_name_")
        X = validate_data(self, X, reset=False, **INPUT)  # noqa: N806
        names = [f"y{idx}" for idx in range(max(1, self.n_outputs_))]
        found = np.array([[one.values[name] for name in names] for one in self._ask(X)], dtype=np.float64)
        return found if self.n_outputs_ else found[:, 0]


def _table(names: list[str], features: Any, targets: Mapping[str, list[str]]) -> bytes:
    """A CSV file; a missing value is an empty cell, and numbers keep all of their digits."""
    lines = [",".join([*names, *targets])]
    for row, answers in zip(features.tolist(), zip(*targets.values())):
        lines.append(",".join([*("" if value != value else repr(value) for value in row), *answers]))
    return ("\n".join(lines) + "\n").encode()
