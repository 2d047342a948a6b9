"""The page: self-contained, whole, honest about what is missing, safe to open."""

import re
import shutil
from html import unescape

import pytest

from synthjax.core.errors import ConfigError, StudyError
from synthjax.core.files import read_json, write_json
from synthjax.report.config import ReportConfig
from synthjax.report.page import write_report
from tests.report.parsed_page import ParsedPage


@pytest.fixture
def render(made_up_study, tmp_path, empty_figures):
    """Renders the made-up study as it is then."""

    def render(config=None, **options):
        config = config or ReportConfig()
        write_report(config, study=made_up_study, out=tmp_path / "report", **options)
        return (tmp_path / "report" / "report.html").read_text(encoding="utf-8")

    return render


@pytest.fixture(scope="module")
def default(whole_study, tmp_path_factory):
    """The folder of the report of a whole study, made twice into the same place."""
    out = tmp_path_factory.mktemp("report")
    write_report(ReportConfig(), study=whole_study, out=out)
    first = (out / "report.html").read_bytes()
    write_report(ReportConfig(), study=whole_study, out=out)
    assert (out / "report.html").read_bytes() == first
    return out


@pytest.fixture(scope="module")
def page(default):
    return (default / "report.html").read_text(encoding="utf-8")


def plain_text(page):
    return ParsedPage(page).text()


def change(path, **values):
    write_json(path, read_json(path) | values)


@pytest.mark.slow
def test_the_page_says_that_it_shows_patients_and_can_do_without(made_up_study, render):
    change(made_up_study / "data" / "stage.json", config={"source": "chexpert"})
    page = render()
    assert "This page shows patients' images" in plain_text(page)
    parts = {"images", "neighbours", "attribution"}
    shown = {key for key in parts if f'<section id="{key}"' in page}
    assert "images" in shown
    without = render(ReportConfig(real_images=False))
    assert "This page is without patients' images" in plain_text(without)
    assert not [key for key in parts if f'<section id="{key}"' in without]


def test_the_page_of_a_phantom_shows_no_patient(page):
    text = plain_text(page)
    assert "The images called real are simulated: this page shows no patient" in text
    assert "patients' images" not in text


@pytest.mark.slow
def test_the_page_may_load_and_run_nothing(page):
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    rules = dict(rule.split(" ", 1) for rule in unescape(policy[1]).split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["img-src"] == "data:"
    assert "script-src" not in rules
    assert page.index("Content-Security-Policy") < page.index("<title>")


def test_verdict_comes_first_with_interval_and_n(page):
    text = plain_text(page)
    sentence = (
        "Trained on synthetic images alone, the classifier loses 0.059 mean AUROC on "
        "real test images (95 % interval 0.046 to 0.071; n = 2,412 images of 1,203 "
        "patients)."
    )
    assert 0 < text.index(sentence) < 200
    for number in ("0.931", "0.872", "3 training seeds"):
        assert number in text
    assert "says nothing about privacy" in text


def test_page_asks_nothing_of_the_network(page):
    for _, attributes, _ in ParsedPage(page).elements:
        for name in ("src", "href", "srcset", "action", "data"):
            assert attributes.get(name, "data:").startswith(("data:", "#"))
        assert "onload" not in attributes
    assert "<script" not in page
    assert not re.search(r"url\(|@import", page)


def test_every_image_has_a_text_and_is_a_file_too(page, default):
    images = [attributes for _, attributes, _ in ParsedPage(page).all("img")]
    assert len(images) == 1 + 3 + 8 + 4 + 2  # forest, ROC, pairs, samples, curves
    assert all(len(image["alt"]) > 15 for image in images)
    files = list((default / "figures").iterdir())
    assert len(files) == len(images)


def test_every_finding_is_in_the_table_or_named_as_undefined(page, whole_study):
    text = plain_text(page)
    results = read_json(whole_study / "evaluate" / "results.json")
    for row in results["utility"]["labels"]:
        if row["gap"] is not None:
            assert f"{row['gap']['low']:.3f}".replace("-", "\u2212") in text
    assert "Pleural Other (no positive)" in text
    assert "mean over 3 of 4 findings" in text


@pytest.mark.slow
def test_names_cannot_inject_markup(render, made_up_study):
    evil = '<img src=x onerror="alert(1)">&'
    results = read_json(made_up_study / "evaluate" / "results.json")
    results["utility"]["labels"][0]["name"] = evil
    results["curves"]["labels"][0]["name"] = evil
    results["verdict"] = evil
    write_json(made_up_study / "evaluate" / "results.json", results)
    page = render(ReportConfig(title=evil, note=evil))
    assert "<img src=x" not in page
    assert evil in ParsedPage(page).text()
    for _, attributes, _ in ParsedPage(page).elements:
        assert "onerror" not in attributes


@pytest.mark.slow
def test_a_source_without_patients_is_said_to_have_none(render, made_up_study):
    assert (
        "No patient is in two splits. Images were padded with black to a square, resized "
        "to 64 px with antialiasing, and stored with 8 bits. Prevalence"
    ) in plain_text(render())
    path = made_up_study / "data" / "splits.json"
    write_json(path, read_json(path) | {"patients_named": False})
    text = plain_text(render())
    assert "No patient is in two splits." not in text
    assert "It does not identify patients, so each image counts as one" in text


@pytest.mark.slow
def test_the_users_folders_stay_with_the_user(render):
    text = plain_text(render())
    assert "image_file" in text
    assert "/ward/images" not in text


@pytest.mark.slow
def test_missing_optional_files_are_named(render, made_up_study):
    names = "data/splits.json gan/metrics.jsonl evaluate/grids/real.png gan/stage.json"
    for name in names.split():
        (made_up_study / name).unlink()
    shutil.rmtree(made_up_study / "classifier" / "real")
    text = plain_text(render())
    found = text.split("Not found in the study directory: ")[1].split(".  ")[0]
    for name in [*names.split(), "classifier/real/"]:
        assert name in found
    assert "The data card cannot be shown: this study has no data/splits.json" in text
    assert "synth/provenance.json" not in found


@pytest.mark.slow
def test_a_generator_that_may_have_seen_the_test_patients_is_told(
    render, made_up_study
):
    notice = "The synthetic images were made elsewhere."
    assert notice not in plain_text(render())
    path = made_up_study / "synth" / "provenance.json"
    origin = read_json(path)
    del origin["generator"]
    write_json(path, origin)
    assert notice in plain_text(render())


def test_results_alone_make_a_page(render, made_up_study):
    results = made_up_study / "evaluate" / "results.json"
    for path in sorted(made_up_study.rglob("*"), reverse=True):
        if path.is_file() and path != results:
            path.unlink()
    change(results, curves={"fpr": [], "labels": []})
    text = plain_text(render())
    assert "0.059 mean AUROC" in text
    assert text.count("cannot be shown") == 9


def test_no_results_is_a_study_error(render, made_up_study):
    path = made_up_study / "evaluate" / "results.json"
    path.write_text("{")
    with pytest.raises(StudyError, match="damaged"):
        render()
    path.unlink()
    with pytest.raises(StudyError, match=r"results\.json is missing.*launch\.evaluate"):
        render()


@pytest.mark.slow
def test_interval_over_zero_claims_nothing(render, made_up_study):
    path = made_up_study / "evaluate" / "results.json"
    utility = read_json(path)["utility"]
    utility["mean"]["gap"] = {"value": 0.004, "low": -0.003, "high": 0.011}
    change(path, utility=utility)
    text = plain_text(render())
    assert "\u22120.003 to 0.011, which includes zero" in text
    assert "neither a loss nor equality is shown" in text


@pytest.mark.slow
def test_too_large_a_page_is_refused(render):
    with pytest.raises(StudyError, match=r"lower config\.report\.image_width"):
        render(max_bytes=1000)


def test_wrong_config_is_named():
    with pytest.raises(ConfigError, match="images_per_finding=0"):
        ReportConfig(images_per_finding=0)


def test_results_of_another_make_are_refused(render, made_up_study):
    path = made_up_study / "evaluate" / "results.json"
    results = read_json(path)
    del results["curves"], results["seeds"]
    write_json(path, results)
    with pytest.raises(StudyError, match="has no seeds, curves"):
        render()
