"""The notebooks run from top to bottom on the tiny study, and define nothing."""

import ast
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


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
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_notebook_runs_on_the_tiny_study(notebook, tiny_study, monkeypatch):
    monkeypatch.setenv("SYNTHJAX_STUDY", str(tiny_study))
    monkeypatch.setenv("PYTHONPATH", str(FOLDER.parent))
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(FOLDER)}},
    )
    client.execute()
    pictures = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 4
