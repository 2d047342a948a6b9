"""The page of an evaluation with every part: order, access, links, honesty."""

import itertools
import re

import pytest

from synthjax.core.files import read_json, write_json
from synthjax.report.config import ReportConfig
from synthjax.report.page import write_report
from synthjax.report.sections import SECTIONS, TEMPLATES
from tests.report.parsed_page import ParsedPage

# Keys of results.json that a run may lack.
OPTIONAL = [key for section in SECTIONS for key in (*section.needs, *section.uses)]


@pytest.fixture(scope="module")
def page(full_report):
    return ParsedPage((full_report / "report.html").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_sections_stand_in_order_and_are_listed(page):
    sections = [attributes["id"] for _, attributes, _ in page.all("section")]
    assert sections == [section.key for section in SECTIONS]
    items = [text for _, _, text in page.all("li")]
    assert items == [section.title for section in SECTIONS[1:]]
    links = [a["href"] for _, a, text in page.all("a") if text in items]
    assert links == [f"#{key}" for key in sections[1:]]


@pytest.mark.slow
def test_links_lead_somewhere(page):
    anchors = {attributes.get("id") for _, attributes, _ in page.elements}
    for _, attributes, text in page.all("a"):
        assert attributes["href"].removeprefix("#") in anchors
        assert text.strip()


def test_headings_go_down_one_level_at_a_time(page):
    levels = [int(tag[1]) for tag, *_ in page.all("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_page_can_be_used_by_keyboard_and_read_aloud(page):
    assert page.all("a")[0][1] == {"class": "skip", "href": "#verdict"}
    boxes = [a for _, a, _ in page.elements if a.get("class") == "scroll"]
    assert len(boxes) > 8
    names = [box["aria-label"] for box in boxes]
    assert len(set(names)) == len(names)
    assert all(box["tabindex"] == "0" and box["role"] == "region" for box in boxes)
    assert all(len(image["alt"]) > 15 for _, image, _ in page.all("img"))
    assert all(th.get("scope") for _, th, _ in page.all("th"))
    assert len(page.all("details")) == len(page.all("summary"))


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_has_enough_contrast():
    css = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", css))
    used = set(re.findall(r"(?<![-\w])color: ([^;}]+)", css))
    assert used == {"inherit"} | {
        f"var(--{name})" for name in ("ink", "muted", "real", "synthetic")
    }
    for name in ("ink", "muted", "real", "synthetic"):
        for ground in ("#ffffff", colours["wash"]):
            light = luminance(ground) + 0.05
            ratio = light / (luminance(colours[name]) + 0.05)
            assert ratio >= 4.5


@pytest.mark.slow
def test_margin_is_said_beside_the_verdict(page, copy):
    assert "Not shown to be within the margin of 0.05" in page.text("verdict")
    primary = {"p_noninferior": 0.0004, "noninferior": True}
    text = copy(primary=primary, gap={"value": 0.001, "low": -0.01, "high": 0.013})
    verdict = text.text("verdict")
    assert "which includes zero; n = 2,412 images of 1,203 patients). Within" in verdict
    assert "Within the margin of 0.05 (non-inferiority test of the mean AUROC gap" in (
        verdict
    )
    assert "one-sided p < 0.001" in verdict
    assert "neither a loss" not in verdict


@pytest.fixture
def copy(full_study, tmp_path, empty_figures):
    """Renders the full study with another primary endpoint and less of the rest."""

    def copy(primary=None, gap=None, without=(), arms=(), choice=None):
        results = read_json(full_study / "evaluate" / "results.json")
        results["arms"] += arms
        if choice:
            write_json(tmp_path / "study" / "classifier" / "chosen.json", choice)
        results["primary"] |= (primary or {}) | ({"gap": gap} if gap else {})
        for key in without:
            del results[key]
        write_json(tmp_path / "study" / "evaluate" / "results.json", results)
        write_report(
            ReportConfig(), study=tmp_path / "study", out=tmp_path / "study" / "report"
        )
        path = tmp_path / "study" / "report" / "report.html"
        return ParsedPage(path.read_text(encoding="utf-8"))

    return copy


@pytest.mark.slow
@pytest.mark.parametrize("key", OPTIONAL)
def test_any_part_can_be_missing(copy, key):
    page = copy(without=[key])
    assert f"not in evaluate/results.json: {key}." in page.text("record")
    sections = [attributes["id"] for _, attributes, _ in page.all("section")]
    assert key.replace("_", "-") not in sections
    links = {a["href"] for _, a, _ in page.all("a")}
    assert links <= {f"#{name}" for name in sections}


def test_numbers_of_every_part_are_on_the_page(page):
    for anchor, words in {
        "findings": ("Sensitivity at 90 % specificity", "p (Holm)"),
        "curves": ("Precision against recall", "at "),
        "calibration": (
            "15 groups",
            "Real before 0.064 0.710 \u22120.120 0.071",
            "Real after 0.012 1.020",
        ),
        "subgroups": ("Age: 80 and over", "View: AP (12 of 20 patients)"),
        "arms": ("Real, labels shuffled", "0.502", "Of my own", "8,000"),
        "label-fidelity": ("Mean AUROC 0.850 (0.830 to 0.868)", "Trained on synthetic"),
        "fidelity": (
            "random network of seed 0, 256d, N = 2,000 synthetic, 2,412 real",
            "3.21 2.73 to 3.64 0.440",
            "worse than real",
            "\u22120.000210",
            "MS-SSIM",
        ),
        "neighbours": ("2.1 % (1.3 % to 3.2 %)", "The real test images closest"),
        "attribution": (
            "0.550 (0.490 to 0.604) over 56 images",
            "Integrated gradients",
        ),
        "scorecard": (
            "Fréchet distance, random network of seed 0, 256d, N = 2,000 3.21",
            "Congruence",
            "Consistency",
            "Membership inference not measured",
        ),
        "record": ("at least 200 1,203 yes", "no: above 0.05"),
    }.items():
        text = page.text(anchor)
        for word in words:
            assert word in text, (anchor, word)


def test_every_number_shown_is_in_the_results(page, full_study):
    results = (full_study / "evaluate" / "results.json").read_text(encoding="utf-8")
    known = {f"{float(x):.3f}" for x in re.findall(r"\d+\.\d+", results)}
    shown = set()
    for anchor in ("findings", "calibration", "subgroups", "arms", "attribution"):
        shown |= set(re.findall(r"(?<![\d.,])\d\.\d{3}(?!\d)", page.text(anchor)))
    assert len(shown) > 80
    assert shown <= known | {"0.001"}


def test_scorecard_without_parts_says_not_measured(copy):
    cards = copy(without=OPTIONAL).text("scorecard")
    assert cards.count("not measured") == 15
    headings = "Congruence Coverage Constraint Completeness Compliance Comprehension"
    for heading in [*headings.split(), "Consistency"]:
        assert heading in cards
    assert "Mean AUROC gap 0.059 (0.046 to 0.071)" in cards


def test_page_and_its_numbers_are_files_small_enough(full_report):
    assert (full_report / "report.html").stat().st_size < 2e6
    lines = (full_report / "numbers.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "path,value,low,high,n"
    assert "n_test_images,2412,,," in lines


SOFT = {
    "name": "synthetic_teacher",
    "mean": {"value": 0.901, "low": 0.89, "high": 0.911},
    "gap_to_real": {"value": 0.023, "low": 0.012, "high": 0.034},
    "seeds": 3,
    "n_train": 8000,
}


@pytest.mark.slow
def test_gaps_of_both_kinds_of_label_stand_side_by_side(copy):
    page = copy(arms=[SOFT])
    verdict = page.text("verdict")
    assert "With soft labels, which classifiers trained on real images give" in verdict
    assert "the gap is 0.023 (95" in verdict
    assert "interval 0.012 to 0.034; see all arms)" in verdict
    assert "is of the labels that the generator was asked for, as was named" in verdict
    arms = page.text("arms")
    assert "A soft label is the probability of a finding in a synthetic image" in arms
    assert "whether it gives a patient away was not tested" in arms


@pytest.mark.slow
def test_a_verdict_of_soft_labels_says_so(copy):
    verdict = copy(primary={"arm": "synthetic_teacher"}, arms=[SOFT]).text("verdict")
    assert "The verdict is of soft labels, which classifiers" in verdict
    assert "on synthetic images that real-trained classifiers labelled, the" in verdict
    assert "Trained on synthetic images alone" not in verdict
    assert "With the labels that the generator was asked for, the gap is" in verdict


@pytest.mark.slow
def test_what_choosing_brought_and_cost_is_told(copy):
    choice = {"candidates": 3, "agreement_all": -0.31, "agreement_chosen": -0.12}
    choice |= {"diversity_all": 0.41, "diversity_chosen": None}
    arms = copy(arms=[SOFT], choice=choice).text("arms")
    assert "Of 3 images for each row of labels" in arms
    assert "-0.310 of all images, -0.120 of the chosen" in arms
    assert "0.410 before, \u2013 among the chosen" in arms
