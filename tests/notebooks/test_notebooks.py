"""The notebooks run from top to bottom on the tiny study, and define nothing."""

import ast
import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[2] / "notebooks"
PICTURES = {  # that each notebook shows
    "1_quickstart": 4,
    "2_generator": 8,  # one of them by a widget
    "3_gap": 8,  # two of them the findings of the two studies
    "4_bring_your_own": 2,
    "5_phantoms": 8,
}
WIDGETS = "application/vnd.jupyter.widget-state+json"


@pytest.fixture(params=sorted(path.stem for path in FOLDER.glob("*.ipynb")))
def name(request):
    return request.param


@pytest.fixture
def notebook(name):
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def outputs_of(notebook):
    """Of the cells, and of the widgets, which keep to themselves what they show."""
    widgets = notebook.metadata.get("widgets", {}).get(WIDGETS, {}).get("state", {})
    return [
        output
        for holder in (*notebook.cells, *(model["state"] for model in widgets.values()))
        for output in holder.get("outputs", [])
    ]


def seconds_for(cell):
    """Few for a cell with widgets.

    The client answers widgets on the channel on which it waits for the cell's end, and
    may then not notice that end until it has waited for all of this time.
    """
    return 30 if "widgets.interact" in cell.source else 300


def code_of(notebook):
    lines = "\n".join(
        cell.source for cell in notebook.cells if cell.cell_type == "code"
    ).splitlines()
    return "\n".join(line for line in lines if not line.startswith("%"))


def test_notebook_defines_nothing_and_keeps_no_output(notebook):
    defined = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    assert not [n for n in ast.walk(ast.parse(code_of(notebook))) if type(n) in defined]
    for cell in notebook.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


# jupyter's own: a path it would rather have elsewhere, sockets of a finished kernel
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_notebook_runs_on_the_tiny_study(
    name, notebook, tiny_study, tmp_path, monkeypatch
):
    again = tmp_path / "again"
    again.symlink_to(tiny_study)
    monkeypatch.setenv("SYNTHJAX_STUDY", str(tiny_study))
    monkeypatch.setenv("SYNTHJAX_STUDIES", os.pathsep.join(map(str, (tiny_study, again))))
    monkeypatch.setenv("PYTHONPATH", str(FOLDER.parent))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    client = NotebookClient(
        notebook,
        timeout_func=seconds_for,
        kernel_name="python3",
        resources={"metadata": {"path": str(FOLDER)}},
    )
    client.execute()
    outputs = outputs_of(notebook)
    assert not [output for output in outputs if output.output_type == "error"]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == PICTURES[name]
