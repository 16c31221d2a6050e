"""Writes the pages of docs/results, what the README says of published/results, and the repository's
address.

Run it in the repository after a change of a sentence: python -m published. `published.page`
publishes another run.
"""

from pathlib import Path

from published import claims, comparison, found, page, pooled, runtimes, seeds, swaps
from published.address import addressed
from published.kept import PAGES, RESULTS, ROOT, SEEDS_PAGE, kept_studies
from resiliency.base.faults import one_line_faults, parser
from resiliency.report.drawing import svg

BEGIN, END = "<!-- python -m published -->\n", "\n<!-- end -->"


def pages() -> dict[Path, str]:
    """File -> its text, for each page that is made from kept tables, and that names the
    repository's address."""
    studies, others, readme = comparison.published_studies(), addressed(), ROOT / "README.md"
    before, _, rest = others[readme].partition(BEGIN)
    texts = {f"{kept.name}.md": page.page(kept) for kept, _ in kept_studies()}
    texts |= {
        "claims.md": claims.page(),
        "found.md": found.page(studies),
        "runtimes.md": runtimes.page(runtimes.runtimes()),
        "seeds.md": seeds.page(RESULTS / SEEDS_PAGE),
    }
    said = before + BEGIN + found.readme(studies) + END + rest.partition(END)[2]
    return {PAGES / name: text for name, text in texts.items()} | others | {readme: said}


def main() -> None:
    parser(__doc__).parse_args()
    with one_line_faults():
        for file, text in pages().items():
            file.write_text(text, encoding="utf-8")
        studies = comparison.published_studies()
        charts = {
            "comparison": comparison.chart(studies),
            "exchange_rates": pooled.chart(pooled.rates_of(studies)),
        }
        charts["design_diversity"] = swaps.chart(studies)
        for name, drawn in charts.items():
            (PAGES / f"{name}.svg").write_text(svg(drawn.to_dict()), encoding="utf-8")


if __name__ == "__main__":
    main()
