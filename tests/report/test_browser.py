"""The page in headless Chromium: no error, no request, no sideways scrolling."""

import json
import re
import shutil
import subprocess

import pytest

pytestmark = pytest.mark.browser

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")

# Put into a copy of the page: measures it, and says so in the title.
PROBE = """<script>addEventListener("load", () => {
const wide = [...document.querySelectorAll("main *")].filter(e =>
  !e.closest(".scroll") && e.getBoundingClientRect().right > innerWidth + 1);
document.title = JSON.stringify({
  inner: innerWidth, scroll: document.documentElement.scrollWidth,
  wide: wide.map(e => e.tagName + "." + e.className),
  broken: [...document.images].filter(i => !i.naturalWidth).length,
  requests: performance.getEntriesByType("resource").filter(
    r => !r.name.startsWith("data:")).map(r => r.name)});
});</script></body>"""


@pytest.fixture(scope="module")
def probe(full_report, tmp_path_factory):
    if BROWSER is None:
        pytest.skip("no Chromium here")
    page = (full_report / "report.html").read_text(encoding="utf-8")
    path = tmp_path_factory.mktemp("browser") / "probe.html"
    # The page allows no script; its copy allows this one.
    own = "script-src 'unsafe-inline'; default-src"
    page, allowed = re.subn("(?<=content=.)default-src", own, page)
    assert allowed == 1
    path.write_text(page.replace("</body>", PROBE), encoding="utf-8")
    return path


@pytest.mark.parametrize("width", [1200, 400])
def test_page_renders_without_error_at(width, probe, tmp_path):
    flags = "--headless --no-sandbox --disable-gpu --enable-logging=stderr --dump-dom"
    done = subprocess.run(
        [BROWSER, *flags.split(), f"--user-data-dir={tmp_path}"]
        + [f"--window-size={width},2000", probe.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert ":CONSOLE" not in done.stderr
    title = re.search("<title>(.*?)</title>", done.stdout, re.DOTALL)
    found = json.loads(title.group(1).replace("&amp;", "&").replace("&quot;", '"'))
    assert found["inner"] <= max(width, 500)  # some builds open no narrower window
    assert found["scroll"] <= found["inner"], found["wide"]
    assert not found["wide"]
    assert not found["broken"]
    assert not found["requests"]
