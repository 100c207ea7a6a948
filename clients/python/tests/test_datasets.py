import io

import numpy as np
import pandas as pd
import pytest
from conftest import EXAMPLES

import descent

BIRDS = (EXAMPLES / "penguins.csv").read_bytes()


def test_a_file_gives_its_name_and_comes_back_byte_for_byte(client, tmp_path):
    dataset = client.datasets.upload(EXAMPLES / "penguins.csv")
    assert dataset.name == "penguins"
    assert dataset.n_rows == 344
    assert dataset.columns["species"] == "categorical"
    assert dataset.download(tmp_path / "back.csv").read_bytes() == BIRDS
    assert [one.name for one in tmp_path.iterdir()] == ["back.csv"]


@pytest.mark.parametrize(
    "source",
    [
        BIRDS,
        io.BytesIO(BIRDS),
        pd.read_csv(io.BytesIO(BIRDS)),
    ],
    ids=["bytes", "open file", "DataFrame"],
)
def test_what_is_uploaded_is_what_the_profile_describes(client, source):
    dataset = client.datasets.upload(source, name="birds")
    profile = client.datasets.get("birds").profile()
    assert dataset == client.datasets.get("birds")
    assert [one["name"] for one in profile["columns"]] == BIRDS.decode().splitlines()[0].split(",")
    missing = {one["name"]: one["n_missing"] for one in profile["columns"]}
    assert (missing["sex"], missing["body_mass_g"], missing["year"]) == (11, 2, 0)


def test_a_file_is_sent_in_pieces(client, tmp_path):
    """More than one piece, so that order and end are seen."""
    frame = pd.DataFrame({"x": np.arange(200_000), "y": np.arange(200_000) % 3})
    frame.to_csv(tmp_path / "long.csv", index=False)
    assert (tmp_path / "long.csv").stat().st_size > 4 * 256 * 1024
    dataset = client.datasets.upload(tmp_path / "long.csv")
    assert dataset.n_rows == len(frame)
    assert dataset.rows(offset=199_999) == [["199999", "1"]]


def test_an_upload_that_can_be_read_once_is_sent_once(client):
    class Pipe(io.RawIOBase):
        def __init__(self):
            self._pieces = [b"a,b\n1,2\n", b"3,4\n"]

        def readable(self):
            return True

        def read(self, size=-1):
            return self._pieces.pop(0) if self._pieces else b""

    assert client.datasets.upload(Pipe(), name="pipe").n_rows == 2


def test_arrays_are_uploaded_as_their_parts(client):
    folder = EXAMPLES / "fashion-mnist"
    parts = {"test_images": "t10k-images-idx3-ubyte.gz", "test_labels": "t10k-labels-idx1-ubyte.gz"}
    parts |= {"images": "train-images-idx3-ubyte.gz", "labels": "train-labels-idx1-ubyte.gz"}
    dataset = client.datasets.upload({part: folder / file for part, file in parts.items()}, name="fashion")
    assert dataset.columns == {"image": "array", "label": "integer", "split": "categorical"}


def test_rows_are_read_as_they_stand(client, penguins):
    head = client.datasets.get(penguins.id).head(3)
    assert head.shape == (3, 8)
    assert list(head["island"]) == ["Torgersen"] * 3


def test_kinds_are_corrected_and_datasets_deleted(client):
    dataset = client.datasets.upload(b"code,y\n1,a\n2,b\n3,a\n", name="codes")
    assert dataset.change(name="renamed", columns={"code": "categorical"}).columns["code"] == "categorical"
    assert client.datasets.get(dataset.id).name == "renamed"
    dataset.delete()
    with pytest.raises(descent.NotFound) as refused:
        client.datasets.get(dataset.id)
    assert refused.value.code == "not_found"


def test_a_list_goes_over_all_pages(client):
    made = {client.datasets.upload(b"a,b\n1,2\n", name="many").id for _ in range(105)}
    assert {dataset.id for dataset in client.datasets.list(name="many")} == made


def test_a_broken_file_is_refused_with_line_and_column(client):
    with pytest.raises(descent.InvalidRequest) as refused:
        client.datasets.upload(b'a,b\n1,2\n"3,4\n', name="broken")
    error = refused.value
    assert error.violations[0].line == 3
    assert "line 3" in str(error)
    assert error.status == 422


def test_what_cannot_be_uploaded_is_said_before_anything_is_sent(client):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        client.datasets.upload("nowhere.csv")
    with pytest.raises(TypeError, match="int"):
        client.datasets.upload(3)
