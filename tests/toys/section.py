"""A section of the page, as somebody would add it from outside the package."""

from matplotlib.figure import Figure

from synthjax.report.section import Section, SectionInputs, Values

TEMPLATE = """\
{% import "macros.html" as m %}
<h2>Seeds of {{ page.title }}</h2>
<p class="lead">Trained {{ section.seeds }} times, tested on {{ section.n | thousands }}
images{% if page.has("findings") %}, <a href="#findings">finding by finding</a>{% endif %}.
</p>
<figure>{{ m.vector(section.figure) }}</figure>
"""


def build(inputs: SectionInputs) -> Values:
    """Return the number of seeds, and a figure of them."""
    figure = Figure(figsize=(1, 1))
    figure.add_subplot().bar(["seeds"], inputs.results["seeds"])
    return {
        "seeds": inputs.results["seeds"],
        "n": inputs.results["n_test_images"],
        "figure": inputs.figures.add_svg("toy", figure, "A bar as high as the seeds"),
    }


SECTION = Section("toy-seeds", "Seeds & more", build, TEMPLATE, needs=("seeds",))
