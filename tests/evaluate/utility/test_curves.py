"""Precision over recall, on one grid for all labels."""


def test_precision_recall_curves(results) -> None:
    found = results[0]["precision_recall"]
    assert len(found["recall"]) == 11
    assert [entry["name"] for entry in found["labels"]] == ["One", "Two"]
    one = found["labels"][0]
    assert one["prevalence"] == 0.5
    assert one["real"][0] == 1
    assert one["real"][-1] >= 0.5
