"""The documentation as a site: sphinx-build -W docs build/site.

The pages are plain Markdown, for GitHub too. What differs on the site is done here: the navigation,
the signatures of the Python API, the reports of the published studies, and that CONTRIBUTING.md and
studies/published/README.md, which lie outside docs/, are pages.
"""

import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from published.address import address  # noqa: E402
from published.address import project as packaged  # noqa: E402
from published.kept import RESULTS  # noqa: E402
from published.several_verdicts import VERDICTS  # noqa: E402
from published.site import write_reports  # noqa: E402

project = "Resiliency"
html_title = f"{project} {packaged()['version']}"
language = "en"

# Formulae show without a network.
extensions = ["myst_nb", "sphinx_copybutton", "sphinx-mathjax-offline"]
extensions += ["sphinx.ext.autodoc", "sphinx.ext.napoleon"]
autodoc_member_order = "groupwise"
autodoc_typehints_format = "short"
myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath"]
nb_execution_mode = "force"  # the notebook is kept without outputs
nb_execution_raise_on_error = True
nb_execution_timeout = 600
exclude_patterns = ["conf.py"]
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False

NAVIGATION = {
    "Start": ["installation", "report"],
    "Tutorials": ["photos", "evaluate", "imagenet", "predictions", "deploying", "assurance"],
    "How-to guides": ["studies", "members", "data", "cluster", "troubleshooting"],
    "Reference": [
        *("configuration", "files", "tables", "staleness", "python", "formulae", "corruptions"),
        *("glossary", "references"),
    ],
    "Science": ["measures", "paper", "faults"],
    "Published results": [
        *("results/found", "results/traffic_signs", "results/cifar10_lengths", "results/digits"),
        *("results/cifar10_published", "results/imagenet_published", "results/imagenet_decisions"),
        *(
            "results/timm_published",
            "results/claims",
            "results/runtimes",
            "results/seeds",
            "results/appendix",
        ),
    ],
    "Project": ["published_figures", "house", "contributing"],
}
if address():
    NAVIGATION["Project"].append(f"Repository <{address()}>")
APPENDIX = [
    "traffic_signs_registration",
    "cifar10_lengths_registration",
    "design_diversity_registration",
    "imagenet_costs",
]
EXPERIMENT = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+published/experiments/\w+\.md)[^)]*\)")
SIGNATURES = """
```{eval-rst}
.. automodule:: resiliency.api
   :members:
   :imported-members:

.. autofunction:: resiliency.api.load_ensemble
```
"""
# What the search of the site finds first.
VERDICTS_DEFINED = "## Verdicts on the four observations\n"
LIVE = """```{{raw}} html
<p><a href="{study}/report.html">Open the whole report</a>, which links to interactive charts.</p>
```
"""
EXAMPLE = (
    "[Example report](results/digits.md)",
    '<a href="results/digits/report.html">Example report</a>',
)
OUTSIDE = {"contributing": "CONTRIBUTING.md", "published_figures": "studies/published/README.md"}


def _toctree(pages: list[str], caption: str = "") -> str:
    """A part of the navigation, which the page itself does not show."""
    captions = [f":caption: {caption}"] if caption else []
    return "\n".join(["\n```{toctree}", ":hidden:", *captions, "", *pages, "```", ""])


def _on_site(app: Any, page: str, source: list[str]) -> None:
    """Change the text of `page` to what it is on the site."""
    if page in OUTSIDE:
        source[0] = (ROOT / OUTSIDE[page]).read_text(encoding="utf-8").replace("](docs/", "](")
    if page == "index":
        source[0] = source[0].replace(*EXAMPLE)
        source[0] += "".join(_toctree(pages, caption) for caption, pages in NAVIGATION.items())
    if page == "results/appendix":
        source[0] += _toctree(APPENDIX)
    study = page.removeprefix("results/")
    if (RESULTS / study / "provenance.json").is_file():
        title, _, rest = source[0].partition("\n")
        source[0] = f"{title}\n\n{LIVE.format(study=study)}\n{rest}"
    if page == "measures":
        index = (
            "```{eval-rst}\n.. index:: "
            f"{', '.join(f'! {verdict}' for verdict in VERDICTS)}\n```\n"
        )
        source[0] = source[0].replace(VERDICTS_DEFINED, f"{VERDICTS_DEFINED}\n{index}")
    if page == "python":
        source[0] += SIGNATURES
    for name, file in OUTSIDE.items():
        source[0] = source[0].replace(f"../{file}", f"{name}.md")
    source[0] = EXPERIMENT.sub(r"{download}`\1 <\2>`", source[0])


def reports(app: Any, fault: Exception | None) -> None:
    """Write the report of each published study beside its page."""
    if fault is None and app.builder.format == "html":
        write_reports(Path(app.outdir, "results"))


def setup(app: Any) -> None:
    """Register the handlers, as Sphinx asks."""
    app.connect("source-read", _on_site)
    app.connect("build-finished", reports)
