"""The evaluate stage as a whole: it gives the same files again."""

import pytest

from builders.predicted_study import evaluate_study


@pytest.mark.slow
def test_a_second_run_gives_the_same_file(results, predicted_study, tmp_path) -> None:
    evaluate_study(predicted_study, tmp_path)
    for name in ("results.json", "grids/grid.json", "grids/synthetic.png"):
        assert (tmp_path / name).read_bytes() == (results[1] / name).read_bytes()
