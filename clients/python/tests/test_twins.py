"""The blocking client and the async one are the same."""

import asyncio
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import EXAMPLES, species

import descent

HERE = Path(__file__).resolve().parent
TWINS = ["Client", "Dataset", "Landscape", "Model", "Run", "RunList", "Sweep"]
ROOMS = ["datasets", "runs", "models", "sweeps"]


def test_the_blocking_client_is_made_from_the_async_one():
    check = subprocess.run([sys.executable, HERE.parent / "tools" / "make_sync.py", "--check"], capture_output=True, text=True)
    assert check.returncode == 0, check.stdout + check.stderr


def surface(kind):
    """Name and parameters of everything public."""
    names = [name for name in dir(kind) if not name.startswith("_")]
    return {name.removeprefix("a") if name == "aclose" else name: getattr(kind, name) for name in names}


def pairs():
    blocking, waiting = descent.Client("http://x", "t"), descent.AsyncClient("http://x", "t")
    for name in TWINS:
        yield name, getattr(descent, name), getattr(descent, "Async" + name)
    for name in ROOMS:
        yield name, type(getattr(blocking, name)), type(getattr(waiting, name))


@pytest.mark.parametrize(("name", "blocking", "waiting"), list(pairs()), ids=[name for name, _, _ in pairs()])
def test_both_have_the_same_surface(name, blocking, waiting):
    one, other = surface(blocking), surface(waiting)
    assert one.keys() == other.keys()
    for member, method in one.items():
        if inspect.isfunction(method):
            assert list(inspect.signature(method).parameters) == list(inspect.signature(other[member]).parameters), member
            assert not inspect.iscoroutinefunction(method), member
            assert method.__doc__, f"{name}.{member} says nothing"


def test_the_async_client_does_the_whole_job(server, tmp_path):
    async def job():
        async with descent.AsyncClient() as client:
            dataset = await client.datasets.upload(EXAMPLES / "penguins.csv", name="async")
            one, two = await asyncio.gather(
                client.runs.submit(species(dataset, name="one")), client.runs.submit(species(dataset, name="two", seed=1))
            )
            await client.runs.wait_all([one, two])
            assert {run async for run in client.runs.list(dataset=dataset.id)} == {one, two}
            seen = [event["type"] async for event in one.events()]
            assert seen[-1] == "done"
            assert "svg" not in one._repr_html_(), "a representation cannot await"
            frame = await one.metrics()
            assert "svg" in one._repr_html_()
            assert len(frame) == one.progress["steps"]
            await one.wait(progress=True)
            model = await one.model()
            (bird,) = await model.predict([{"island": "Biscoe", "bill_length_mm": 47.5}])
            assert bird.label in ("Adelie", "Chinstrap", "Gentoo")
            assert (await model.export("safetensors", tmp_path)).stat().st_size > 100
            with pytest.raises(descent.InvalidSpec) as refused:
                await client.runs.submit(dataset=dataset)
            assert refused.value.pointer == "/task"
            assert (await client.limits())["quota.owner_queued_runs"] == 5000
            assert (await client.queue())["object"] == "queue"
            assert (await client.usage())["object"] == "usage"
            assert (await client.schema())["title"]

    asyncio.run(job())
