"""The example notebooks and the Python code of both READMEs run as they stand, against the real server."""

import json
import re

import nbformat
import pytest
from conftest import ROOT
from nbclient import NotebookClient

HERE = ROOT / "clients" / "python"
NOTEBOOKS = sorted((HERE / "examples").glob("*.ipynb"))

# What each of them must show, so that a notebook that runs and shows nothing fails.
SEEN = {
    "first_model": [
        "Gentoo",
        "image/png",
        "the values are names",
        "which-penguin-1.onnx",
        "/training/epochs - -1 is out of range",
    ],
    "seeing_the_descent": ["% of the path", "image/png", "<b>Run</b> moons"],
    "sweep_of_200_runs": ["200 of 200 runs finished", "/optimizer/learning_rate", "image/png", "50.000000"],
}


def test_every_notebook_is_known():
    assert [path.stem for path in NOTEBOOKS] == sorted(SEEN)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("default")
def test_a_notebook_runs(path, monkeypatch, tmp_path):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    # The kernel's own backend, which shows figures in the notebook.
    monkeypatch.delenv("MPLBACKEND", raising=False)
    notebook = nbformat.read(path, as_version=4)
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in notebook.cells), (
        "committed without outputs"
    )
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    shown = json.dumps(outputs, ensure_ascii=False)
    for wanted in SEEN[path.stem]:
        assert wanted in shown, f"{wanted!r} is not shown\n{[output.get('text') for output in outputs]}"
    assert "Warning" not in shown


@pytest.mark.parametrize("readme", [ROOT / "README.md", HERE / "README.md"], ids=["of the project", "of the client"])
def test_a_readme_runs(readme, monkeypatch, tmp_path, capsys):
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    code = "\n".join(re.findall(r"^```python\n(.*?)^```$", readme.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE))
    assert "client = descent.Client()" in code
    seen = {}
    exec(compile(code, str(readme), "exec"), seen)
    seen["client"].close()
    assert seen["run"].status == "succeeded"
    assert (tmp_path / f"{seen['model'].name}-{seen['model'].version}.onnx").stat().st_size > 100
    printed = capsys.readouterr().out
    assert "/training/epochs" in printed
