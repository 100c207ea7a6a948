import json

import numpy as np
import pandas as pd
import pytest
from conftest import EXAMPLES, species

import descent

BIRD = {"island": "Biscoe", "bill_length_mm": 47.5, "bill_depth_mm": 15.0, "flipper_length_mm": 218, "body_mass_g": 5000}


@pytest.fixture
def model(trained):
    return trained.model()


def test_rows_and_frames_are_predicted_alike(model):
    frame = pd.read_csv(EXAMPLES / "penguins.csv").set_index(pd.RangeIndex(1000, 1344))
    table = model.predict(frame)
    assert table.index.equals(frame.index)
    assert (table["label"] == frame["species"]).mean() > 0.9
    probabilities = table[[f"probability_{name}" for name in ("Adelie", "Chinstrap", "Gentoo")]]
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)

    rows = json.loads(frame.to_json(orient="records"))
    listed = model.predict(rows)
    assert [one.label for one in listed] == list(table["label"])
    assert listed[3].probabilities["Adelie"] == table["probability_Adelie"].iloc[3]
    assert {"column": "bill_length_mm", "code": "missing_imputed"} in listed[3].notes, "row 3 of the file has no measures"


def test_more_rows_than_one_request_takes(model, monkeypatch):
    from descent import _rows

    frame = pd.read_csv(EXAMPLES / "penguins.csv")
    whole = model.predict(frame)
    monkeypatch.setattr(_rows, "PORTION_ROWS", 100)
    pd.testing.assert_frame_equal(model.predict(frame), whole)
    monkeypatch.setattr(_rows, "PORTION_BYTES", 1000)
    pd.testing.assert_frame_equal(model.predict(frame), whole)


def test_every_way_to_write_a_missing_value(model):
    for missing in (None, float("nan"), np.nan, pd.NA, pd.NaT, np.float32("nan")):
        (one,) = model.predict([{**BIRD, "body_mass_g": missing, "sex": "male", "year": 2008}])
        assert one.notes == [{"column": "body_mass_g", "code": "missing_imputed"}]
    with pytest.raises(ValueError, match="row 0 has a value that is infinite"):
        model.predict([{**BIRD, "body_mass_g": float("inf")}])


def test_an_explanation_adds_up(model):
    (one,) = model.predict([BIRD], explain=True)
    (explained,) = one.explanation
    assert explained["of"] == one.label == "Gentoo"
    assert sum(explained["attributions"].values()) == pytest.approx(explained["output"] - explained["baseline"], abs=1e-3)


def test_a_bad_row_is_named(model):
    with pytest.raises(descent.InvalidRequest) as refused:
        model.predict([BIRD, [1, 2]])
    assert refused.value.pointer == "/rows/1"
    with pytest.raises(TypeError, match=r"put a single row into a list"):
        model.predict(BIRD)


def test_a_regression_answers_with_its_targets(client):
    x = np.linspace(-1, 1, 200)
    frame = pd.DataFrame({"x": x, "double": 2 * x, "minus": -x})
    dataset = client.datasets.upload(frame, name="lines")
    run = client.runs.submit(dataset=dataset, task="regression", target=["double", "minus"], epochs=60).wait()
    table = run.model().predict(pd.DataFrame({"x": [0.5, -0.5]}))
    assert list(table.columns) == ["double", "minus"]
    assert np.allclose(table["double"], [1.0, -1.0], atol=0.25)
    (one,) = run.model().predict([[0.5]])
    assert one.values["double"] == table["double"].iloc[0]
    assert one.label is None


def test_pictures_are_predicted_from_their_pixels(client):
    pixels = np.random.default_rng(0).integers(0, 256, size=(60, 8, 8), dtype=np.uint8)
    labels = (pixels[:, :4].mean(axis=(1, 2)) > pixels[:, 4:].mean(axis=(1, 2))).astype(np.uint8)
    import io

    file = io.BytesIO()
    np.savez(file, x=pixels, y=labels)
    dataset = client.datasets.upload(file.getvalue(), name="halves")
    model = client.runs.submit(dataset=dataset, task="classification", target="label", epochs=3).wait().model()
    predictions = model.predict(pixels[:5])
    assert len(predictions) == 5
    assert {one.label for one in predictions} <= {"0", "1"}


def test_an_export_is_the_model_in_a_file(model, tmp_path):
    file = model.export("safetensors", tmp_path)
    assert file == tmp_path / "trained-1.safetensors"
    length = int.from_bytes(file.read_bytes()[:8], "little")
    assert json.loads(file.read_bytes()[8 : 8 + length])
    document = json.loads(model.export("json", tmp_path / "whole.json").read_bytes())
    assert document["sha256"] == model.sha256
    assert model.export("onnx", tmp_path / "whole.onnx").read_bytes()[:2] == b"\x08\x08", "version 8 of the format"
    with pytest.raises(descent.InvalidRequest, match="pickle"):
        model.export("pickle", tmp_path / "never")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["trained-1.safetensors", "whole.json", "whole.onnx"]


def test_versions_and_aliases(client, penguins):
    for seed in (1, 2):
        client.runs.submit(species(penguins, seed=seed, name="twice")).wait()
    first, second = client.models.get("twice@1"), client.models.get("twice")
    assert [one.version for one in client.models.versions("twice")] == [2, 1]
    first.set_alias("live")
    assert client.models.aliases("twice") == {"live": 1}
    assert client.models.get("twice@live") == first
    assert first != second
    assert "twice" in [one.name for one in client.models.list()]
    second.delete()
    assert client.models.get("twice").version == 1
    client.models.delete("twice")
    with pytest.raises(descent.NotFound):
        client.models.get("twice")
