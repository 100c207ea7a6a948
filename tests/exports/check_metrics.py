"""The series of a run as a table and as TensorBoard's file: both hold every point that the JSON document has."""

import csv
import io
import math
import pathlib
import tempfile

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import cases
import server


def main():
    dataset = cases.datasets()["numbers"]
    run = server.submit(cases.classify("three", features=cases.X) | {"name": "measured", "dataset": dataset, "training": {"epochs": 30, "seed": 1}})
    server.finished(run)
    series = server.ask("GET", f"/v1/runs/{run}/metrics?max_points=100000")["series"]
    assert len(series) > 3 and all(not one["thinned"] for one in series)

    tables = [server.request("GET", f"/v1/runs/{run}/metrics", accept="text/csv"), server.request("GET", f"/v1/runs/{run}/metrics?format=csv")]
    assert tables[0][2] == tables[1][2] and tables[0][1]["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(tables[0][2].decode())))
    points = [(row["series"], int(row["step"]), float(row["value"])) for row in rows]
    wanted = [(one["name"], step, value) for one in series for step, value in zip(one["steps"], one["values"])]
    assert points == wanted, "the table is not the series"

    status, headers, packed = server.request("GET", f"/v1/runs/{run}/tfevents")
    name = headers["Content-Disposition"].split('"')[1]
    assert status == 200 and "tfevents" in name, headers
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, name).write_bytes(packed)
        events = EventAccumulator(folder, size_guidance={"scalars": 0})
        events.Reload()
        assert sorted(events.Tags()["scalars"]) == sorted(one["name"] for one in series)
        for one in series:
            scalars = events.Scalars(one["name"])
            assert [scalar.step for scalar in scalars] == one["steps"], one["name"]
            told = np.array([scalar.value for scalar in scalars], np.float32)
            assert np.array_equal(told, np.array(one["values"], np.float32)), one["name"]
            times = [scalar.wall_time for scalar in scalars]
            assert times == sorted(times) and math.isfinite(times[0])
    print(f"metrics: {len(wanted)} points of {len(series)} series, as a table and in TensorBoard")


if __name__ == "__main__":
    main()
