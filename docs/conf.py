"""The documentation as a site: sphinx-build -W docs build/site.

The pages are plain Markdown, for GitHub too. What differs on the site is done here: the navigation, and that
CONTRIBUTING.md, which lies outside docs/, is a page.
"""

from pathlib import Path
from typing import Any

project = "Resiliency"
html_title = project
language = "en"

extensions = ["myst_parser", "sphinx_copybutton", "sphinx-mathjax-offline"]  # formulae show without a network
myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath"]
exclude_patterns = ["conf.py"]
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False

NAVIGATION = {
    "Tutorials": ["photos", "imagenet", "predictions", "cluster"],
    "How-to guides": [
        *("studies", "extending", "test_sets", "deploying", "figures", "python", "elsewhere", "slurm", "gpu"),
    ],
    "Reference": [
        *("configuration", "tables", "files", "data", "members", "corruptions", "measures", "formulae", "glossary"),
        "references",
    ],
    "Explanations": [
        *(
            "paper",
            "limitations",
            "default_study",
            "staleness",
            "faults",
            "coverage",
            "parity",
            "gpu_hours",
            "imagenet_costs",
        ),
        "contributing",
    ],
    "Results": [
        *("results/comparison", "results/cifar10_cpu", "results/cifar10_published", "results/imagenet_published"),
        "results/digits",
    ],
}
ROOT = Path(__file__).parents[1]


def _on_site(app: Any, page: str, source: list[str]) -> None:
    """Change the text of `page` to what it is on the site."""
    if page == "contributing":
        source[0] = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").replace("](docs/", "](")
    if page == "index":
        for caption, pages in NAVIGATION.items():
            source[0] += "\n".join(["\n```{toctree}", ":hidden:", f":caption: {caption}", "", *pages, "```", ""])
    source[0] = source[0].replace("](../CONTRIBUTING.md", "](contributing.md")


def setup(app: Any) -> None:
    """Register the handler, as Sphinx asks."""
    app.connect("source-read", _on_site)
