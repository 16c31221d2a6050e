"""The documentation as a site: sphinx-build -W docs build/site.

The pages are plain Markdown, for GitHub too. What differs on the site is done here: the navigation, and that
CONTRIBUTING.md and studies/published/README.md, which lie outside docs/, are pages.
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
        *("studies", "extending", "own_extensions", "test_sets", "deploying", "figures"),
        *("python", "elsewhere", "slurm", "gpu"),
    ],
    "Reference": [
        *("configuration", "tables", "files", "data", "members", "corruptions", "measures", "formulae"),
        *("glossary", "references", "names"),
    ],
    "Explanations": [
        *("paper", "limitations", "default_study", "staleness", "faults", "coverage", "parity", "gpu_hours"),
        *("imagenet_costs", "published_figures", "contributing"),
    ],
    "Results": [
        *(
            "results/comparison",
            "results/runtimes",
            "results/cifar10_cpu",
            "results/cifar10_published",
            "results/imagenet_published",
        ),
        "results/digits",
    ],
}
ROOT = Path(__file__).parents[1]
OUTSIDE = {"contributing": "CONTRIBUTING.md", "published_figures": "studies/published/README.md"}


def _on_site(app: Any, page: str, source: list[str]) -> None:
    """Change the text of `page` to what it is on the site."""
    if page in OUTSIDE:
        source[0] = (ROOT / OUTSIDE[page]).read_text(encoding="utf-8").replace("](docs/", "](")
    if page == "index":
        for caption, pages in NAVIGATION.items():
            source[0] += "\n".join(["\n```{toctree}", ":hidden:", f":caption: {caption}", "", *pages, "```", ""])
    for name, file in OUTSIDE.items():
        source[0] = source[0].replace(f"](../{file}", f"]({name}.md")


def setup(app: Any) -> None:
    """Register the handler, as Sphinx asks."""
    app.connect("source-read", _on_site)
