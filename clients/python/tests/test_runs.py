import math

import pandas as pd
import pytest
from conftest import species

import descent


def test_the_first_model(client, penguins):
    run = client.runs.submit(dataset=penguins, task="classification", target="species", epochs=30, seed=7, name="first")
    assert run.raw["spec"]["training"]["epochs"] == 30
    run.wait()
    assert (run.status, run.terminal, run.model_name) == ("succeeded", True, "first")
    assert run.scores["test_accuracy"] > 0.9
    assert run.model().sha256 == run.raw["model"]["sha256"]


def test_keywords_win_over_the_document(client, penguins):
    spec = species(penguins, epochs=5)
    plan = client.runs.plan(spec, epochs=9, optimizer="sgd", network=[{"kind": "dense", "units": 3}])
    resolved = plan["resolved_spec"]
    assert (resolved["training"]["epochs"], resolved["training"]["seed"]) == (9, 0)
    assert resolved["optimizer"]["kind"] == "sgd"
    assert plan["parameters"] > 3
    assert spec["training"] == {"epochs": 5, "seed": 0}, "the document of the caller stays as it is"


def test_every_mistake_of_a_spec_is_named_with_its_pointer(client, penguins):
    with pytest.raises(descent.InvalidSpec) as refused:
        client.runs.submit(species(penguins), optimiser="sgd", epochs=-1)
    error = refused.value
    assert (error.code, error.status) == ("invalid_spec", 422)
    assert {one.pointer for one in error.violations} == {"/optimiser", "/training/epochs"}
    assert error.pointer == error.violations[0].pointer
    assert "did you mean `optimizer`" in str(error)
    assert "/training/epochs" in str(error)
    assert len(error.messages) == 2
    assert error.request_id


def test_metrics_are_one_table(trained):
    frame = trained.metrics()
    assert frame.index.name == "step"
    assert frame.index.is_monotonic_increasing
    assert len(frame) == trained.progress["steps"]
    assert frame["loss"].notna().all()
    epochs = frame["validation_loss"].dropna()
    assert len(epochs) == 20
    assert math.isclose(epochs.iloc[-1], trained.raw["metrics"]["validation_loss"])
    assert list(trained.metrics(["loss"], max_points=10).columns) == ["loss"]
    assert len(trained.metrics(["loss"], max_points=10)) == 10


def test_numbers_that_json_cannot_say_come_back():
    from descent import _frames

    steps, values = _frames.points(
        {"steps": [1, 2, 3], "values": [None, None, 1.0], "nonfinite": [{"idx": 0, "value": "nan"}, {"idx": 1, "value": "-inf"}]}
    )
    assert steps == [1, 2, 3]
    assert math.isnan(values[0])
    assert values[1:] == [-math.inf, 1.0]


def test_a_run_is_paused_resumed_and_cancelled(client, penguins):
    run = client.runs.submit(species(penguins, epochs=100_000))
    states = (event["status"] for event in run.events() if event["type"] == "state")
    assert "running" in states, "the stream begins with what has been"
    run.pause()
    paused = next(event for event in run.events() if event.get("status") == "paused")
    assert paused["run_id"] == run.id
    assert run.resume().status in ("queued", "preparing", "running")
    run.cancel()
    assert run.wait().status == "cancelled"
    with pytest.raises(descent.Conflict) as refused:
        run.pause()
    assert refused.value.code == "run_state_conflict"


def test_children_of_a_run(trained):
    again = trained.reproduce().wait()
    assert again.raw["model"]["sha256"] == trained.raw["model"]["sha256"], "the same bits"
    assert again.raw["parent"] == {"id": trained.id, "kind": "reproduce"}
    longer = trained.fork({"training": {"epochs": 25}}, checkpoint="scratch").wait()
    assert (longer.progress["epochs"], longer.raw["parent"]["kind"]) == (25, "fork")
    assert trained.retry().wait().raw["parent"]["kind"] == "retry"
    assert trained.checkpoints()[0]["step"] == trained.progress["steps"]


def test_a_diagnosis_comes_with_a_remedy_that_can_be_forked(client, penguins):
    spec = species(penguins, optimizer={"kind": "sgd", "learning_rate": 1000.0})
    run = client.runs.submit(spec)
    with pytest.raises(descent.RunFailed) as failed:
        run.wait()
    assert failed.value.code == "diverged"
    assert run.id in str(failed.value)
    remedies = [one["remedy"] for one in run.diagnoses() if one["remedy"] is not None]
    calmer = run.fork(remedies[0]["spec_patch"]).wait()
    assert calmer.status == "succeeded"
    assert run.wait(check=False).status == "failed"


def test_waiting_ends_when_the_time_is_over(client, penguins):
    run = client.runs.submit(species(penguins, epochs=100_000))
    for progress in (False, True):
        with pytest.raises(descent.WaitTimeout, match="it goes on"):
            run.wait(timeout_s=0.2, progress=progress)
    with pytest.raises(TimeoutError):
        client.runs.wait_all([run], timeout_s=0.2)
    run.cancel().wait()


def test_runs_are_found_by_their_labels(client, penguins):
    run = client.runs.submit(species(penguins, metadata={"who": "notebook one"})).wait()
    assert list(client.runs.list(metadata={"who": "notebook one"}, status=["succeeded", "failed"])) == [run]
    assert list(client.runs.list(metadata={"who": "notebook one"}, status="queued")) == []
    run.change(name="renamed", metadata={"who": "notebook two"})
    assert client.runs.get(run.id).name == "renamed"
    assert run.logs() is not None
    run.delete()
    with pytest.raises(descent.NotFound):
        run.refresh()


def test_runs_are_one_table(client, penguins):
    rates = [0.001, 0.01, 0.1]
    runs = [client.runs.submit(species(penguins), optimizer={"kind": "sgd", "learning_rate": rate}) for rate in rates]
    client.runs.wait_all(runs)
    frame = client.runs.to_frame(runs)
    assert list(frame.index) == [run.id for run in runs]
    assert list(frame["/optimizer/learning_rate"]) == rates
    assert not [name for name in frame.columns if name.startswith("/training")], "only what differs is a column"
    assert (frame["status"] == "succeeded").all()
    assert frame["test_accuracy"].between(0, 1).all()
    assert isinstance(frame["finished_at"].dtype, pd.DatetimeTZDtype)
    assert "/training/epochs" in client.runs.to_frame(runs, every=True).columns
    assert client.runs.to_frame([]).empty


def test_a_plot_shows_the_curves(trained):
    loss, accuracy = trained.plot()
    assert {line.get_label() for line in loss.lines} == {"loss", "train_loss", "validation_loss"}
    assert {line.get_label() for line in accuracy.lines} == {"train_accuracy", "validation_accuracy"}
    (line,) = trained.plot(["validation_loss"]).lines
    assert len(line.get_xdata()) == 20
