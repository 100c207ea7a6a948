"""Many runs: batches and sweeps."""

import itertools

import pytest
from conftest import species

import descent


class Counted:
    """How many requests a client sends."""

    def __init__(self, client):
        self.paths = []
        client._http._http.event_hooks["request"].append(lambda request: self.paths.append((request.method, request.url.path)))

    @property
    def n(self):
        return len(self.paths)


def test_a_thousand_runs_in_one_batch_with_one_bar_as_one_table(client, penguins, bars):
    grid = itertools.product([0.001, 0.01, 0.1, 0.5], [4, 8], range(125))
    specs = [
        species(
            penguins,
            epochs=1,
            seed=seed,
            network=[{"kind": "dense", "units": units}],
            optimizer={"kind": "sgd", "learning_rate": rate},
            training={"epochs": 1, "seed": seed, "checkpoint": {"min_interval_ms": 30000}},
        )
        for rate, units, seed in grid
    ]
    counted = Counted(client)
    runs = client.runs.submit_many(specs)
    assert counted.paths == [("POST", "/v1/runs:batch")]
    assert len(runs) == 1000
    runs.wait(progress=True)
    (bar,) = bars
    assert bar.shown[-1] == (1000, 1000)
    assert counted.n < 300, "waiting is not a question about each run"

    asked = counted.n
    frame = runs.to_frame()
    assert counted.n == asked, "what was waited for is known"
    assert list(frame.index) == [run.id for run in runs]
    assert (frame["status"] == "succeeded").all()
    assert frame["test_accuracy"].between(0, 1).all()
    spec_columns = [name for name in frame.columns if name.startswith("/")]
    assert spec_columns == ["/task/split/seed", "/network/0/units", "/optimizer/learning_rate", "/training/seed"]
    assert frame.groupby("/optimizer/learning_rate").size().tolist() == [250] * 4
    best = frame.groupby("/optimizer/learning_rate")["train_loss"].mean().idxmin()
    assert best in (0.1, 0.5)


def test_more_than_a_batch_is_several(client, penguins, monkeypatch):
    from descent._sync import runs

    monkeypatch.setattr(runs, "BATCH", 4)
    made = client.runs.submit_many(species(penguins, epochs=1, seed=seed) for seed in range(10))
    made.wait()
    assert [run.spec["training"]["seed"] for run in made] == list(range(10))


def test_a_wrong_spec_refuses_all_or_only_itself(client, penguins):
    good, bad = species(penguins, epochs=1, name="good"), species(penguins, epochs=-1, name="bad")
    before = len(list(client.runs.list(status="queued")))
    with pytest.raises(descent.InvalidRequest) as refused:
        client.runs.submit_many([good, bad, good])
    assert refused.value.pointer == "/runs/1/training/epochs"
    assert len(list(client.runs.list(status="queued"))) == before

    runs = client.runs.submit_many([good, bad, good], partial=True)
    assert [run.name for run in runs] == ["good", "good"]
    assert list(runs.refused) == [1]
    assert isinstance(runs.refused[1], descent.InvalidSpec)
    assert "epochs" in str(runs.refused[1])
    assert "succeeded" in runs.wait()._repr_html_()


def test_waiting_for_runs_that_end_in_any_order(client, penguins):
    """The first is the longest and the last has ended before anybody waits."""
    long = client.runs.submit(species(penguins, epochs=200))
    failing = client.runs.submit(species(penguins), optimizer={"kind": "sgd", "learning_rate": 1000.0})
    short = client.runs.submit(species(penguins, epochs=1)).wait()
    runs = client.runs.wait_all([long, failing, short, client.runs.get(long.id)])
    assert [run.status for run in runs] == ["succeeded", "failed", "succeeded", "succeeded"]
    with pytest.raises(descent.RunFailed):
        client.runs.wait_all(runs, check=True)
    assert client.runs.wait_all([]) == []


def test_a_sweep_is_waited_for_and_read_as_a_table(client, penguins, bars):
    space = {"/optimizer/learning_rate": descent.log_uniform(1e-4, 0.5), "/network/0/units": descent.choice(4, 16)}
    spec = species(penguins, epochs=5, optimizer={"kind": "sgd"}, network=[{"kind": "dense", "units": 4}])
    sweep = client.sweeps.create(spec, space, strategy="random", runs=12, name="rates", seed=3)
    sweep.wait(progress=True)
    assert (sweep.status, sweep.progress["finished"]) == ("completed", 12)
    (bar,) = bars
    assert bar.shown[-1] == (12, 12)
    frame = sweep.results()
    assert list(frame.index) == list(range(12))
    assert set(space) <= set(frame.columns)
    assert frame["/optimizer/learning_rate"].between(1e-4, 0.5).all()
    best = frame["value"].idxmin()
    assert sweep.best["run_id"] == frame["run_id"][best] == sweep.best_run().id
    assert set(sweep.importance) <= set(space)
    assert {run.id for run in sweep.runs()} == set(frame["run_id"])
    assert client.sweeps.results(sweep.id).equals(frame)
    assert sweep in list(client.sweeps.list())
    html = client.sweeps.get(sweep.id)._repr_html_()
    assert "/optimizer/learning_rate" in html
    assert "12 of 12 runs finished" in html

    larger = sweep.change(budget={"runs": 14}, name="more rates")
    assert client.sweeps.wait(larger.id).progress["finished"] == 14
    larger.delete(runs=True)
    with pytest.raises(descent.NotFound):
        client.sweeps.get(sweep.id)


def test_a_sweep_is_stopped_and_keeps_what_it_has(client, penguins):
    spec = species(penguins, epochs=100_000)
    sweep = client.sweeps.create(spec, strategy="seeds", runs=50, budget={"parallel": 2})
    with pytest.raises(descent.WaitTimeout):
        sweep.wait(timeout_s=0.1)
    with pytest.raises(LookupError, match="no best run"):
        sweep.best_run()
    assert client.sweeps.stop(sweep.id, cancel=True).status in ("stopping", "stopped")
    assert sweep.wait().status == "stopped"
    assert set(sweep.results()["status"]) == {"cancelled"}


def test_a_space_that_does_not_fit_is_refused_with_its_pointer(client, penguins):
    with pytest.raises(descent.InvalidRequest) as refused:
        client.sweeps.create(species(penguins), {"/training/batch_sise": descent.choice(8, 16)}, runs=3)
    assert refused.value.code == "invalid_sweep"
    assert "batch_sise" in refused.value.pointer
    assert "did you mean `batch_size`" in refused.value.message
