"""Bars, and how things look in a notebook."""

import subprocess
import sys

from conftest import species

from descent import _html, _progress


def test_a_run_has_a_bar_of_its_epochs(client, penguins, bars, capsys):
    client.runs.submit(species(penguins, epochs=40, name="with a bar")).wait(progress=True)
    (bar,) = bars
    assert bar.shown[-1] == (40, 40)
    assert bar.disable or "with a bar: 100%" in capsys.readouterr().err
    assert "validation_loss=" in bar.postfix
    assert "status=succeeded" in bar.postfix


def test_many_runs_have_one_bar(client, penguins, bars, capsys):
    runs = [client.runs.submit(species(penguins, epochs=2, seed=seed)) for seed in range(30)]
    client.runs.wait_all(runs, progress=True)
    (bar,) = bars
    assert bar.shown[-1] == (30, 30)
    assert all(run.status == "succeeded" and run.scores for run in runs)


def test_where_nobody_looks_nothing_is_printed(client, penguins, bars, capfd):
    client.runs.submit(species(penguins)).wait()
    assert bars == []
    assert capfd.readouterr() == ("", "")


def test_a_terminal_is_seen(monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert _progress.seen()


def test_it_works_without_the_optional_packages(server):
    """Neither pandas nor tqdm: what can be done is done quietly, the rest says what to install."""
    code = """
import sys
for name in ("pandas", "numpy", "tqdm", "tqdm.auto", "matplotlib", "sklearn"):
    sys.modules[name] = None
import descent
client = descent.Client()
data = client.datasets.upload(b"x,y\\n" + b"1,a\\n2,b\\n" * 20, name="bare")
run = client.runs.submit(dataset=data, task="classification", target="y", epochs=2).wait(progress=True)
print(run.model().predict([[1]])[0].label in "ab", len(run.series(["loss"])))
for wanted in (run.metrics, run.plot):
    try:
        wanted()
    except descent.MissingDependency as missing:
        print(isinstance(missing, ImportError), "pip install" in str(missing))
client.close()
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert (done.stdout.splitlines(), done.stderr) == (["True 1", "True True", "True True"], "")


def test_a_run_shows_its_curve(client, trained):
    html = client.runs.get(trained.id)._repr_html_()
    assert html.count("<polyline") == 2
    assert "validation_loss" in html
    assert "succeeded" in html
    assert "trained version 1" in html


def test_datasets_models_and_lists_show_themselves(client, penguins, trained):
    assert "<td>categorical</td>" in penguins._repr_html_()
    assert "test_accuracy" in trained.model()._repr_html_()
    assert "344 rows" in repr(penguins)
    assert "succeeded" in repr(trained)
    assert "version 1" in repr(trained.model())


def test_what_a_name_contains_is_text():
    html = _html.card("Run", "<script>", {"a<b": "<i>", "n": 0.123456789, "none": None})
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "a&lt;b" in html
    assert "&lt;i&gt;" in html
    assert "0.12346" in html
    assert "none" not in html


def test_a_sparkline_leaves_out_what_is_not_finite():
    drawn = _html.sparkline([("loss", [4.0, float("nan"), 1.0])], width=100, height=10)
    assert "points='0.0,2.0 100.0,8.0'" in drawn
    assert _html.sparkline([("loss", [1.0])]) == ""
    assert "polyline" in _html.sparkline([("r2", [-1.0, 0.5])])
    assert "polyline" in _html.sparkline([("flat", [0.5, 0.5])])
