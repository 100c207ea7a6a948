"""Seeing the descent: paths and landscapes."""

import numpy as np
import pytest
from conftest import species

import descent


def test_a_path_is_a_table_and_a_picture(trained):
    path = trained.trajectory()
    frame = path.to_frame()
    assert frame.index.name == "step"
    assert frame.index[-1] == trained.progress["steps"]
    assert {"x", "y", "loss", "gradient_norm", "learning_rate", "update_norm"} <= set(frame.columns)
    assert (frame["x"].iloc[-1], frame["y"].iloc[-1]) == (0.0, 0.0), "the end is the origin"
    assert frame["loss"].iloc[-1] < frame["loss"].iloc[0]
    assert 0 < sum(path.explained) <= 1 + 1e-9
    axes = path.plot()
    assert "of the path" in axes.get_xlabel()
    assert len(axes.lines[0].get_xdata()) == len(path.points)
    assert "<polyline" in path._repr_html_()


def test_the_weights_of_a_small_network_are_there_when_asked_for(client, penguins, trained):
    run = client.runs.submit(species(penguins, epochs=3), network=[{"kind": "dense", "units": 4}]).wait()
    path = run.trajectory(weights=True)
    assert len(path.points[0]["weights"]) == path.raw["n_parameters"]
    assert "weights" not in path.to_frame().columns


@pytest.fixture(scope="module")
def landscape(trained):
    return trained.landscape(resolution=11, samples=100)


def test_a_landscape_is_arrays_a_table_and_a_picture(trained, landscape):
    assert (landscape.status, landscape.run_id, landscape.progress) == ("ready", trained.id, 1.0)
    x, y, loss = landscape.arrays()
    assert (len(x), len(y), loss.shape) == (11, 11, (11, 11))
    frame = landscape.to_frame()
    end = frame.loc[0.0, 0.0]
    assert end == pytest.approx(landscape.minima[0]["loss"]), "the weights that were kept are a place of the grid"
    assert end == loss[list(y).index(0.0), list(x).index(0.0)]
    assert end < loss.max()
    axes = landscape.plot()
    assert axes.get_xlim() == (x[0], x[-1])
    assert len(axes.lines[0].get_xdata()) == len(landscape.paths[0]["points"])


def test_the_same_landscape_is_answered_at_once(trained, landscape):
    again = trained.landscape(resolution=11, samples=100)
    assert again == landscape
    listed = next(one for one in trained.landscapes() if one == landscape)
    assert np.array_equal(listed.wait().arrays()[2], landscape.arrays()[2])


def test_the_wall_between_two_runs(trained):
    other = trained.fork({"training": {"seed": 8}}, checkpoint="scratch").wait()
    line = trained.landscape("between", other=other, resolution=11, samples=100)
    assert line.barrier["height"] >= 0
    assert len(line.barrier["profile"]["loss"]) >= 11
    axes = line.plot()
    assert axes.get_ylabel() == "loss"


def test_an_impossible_landscape_is_refused(trained):
    with pytest.raises(descent.InvalidRequest) as refused:
        trained.landscape(resolution=3)
    assert refused.value.pointer == "/resolution"
