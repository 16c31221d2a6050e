"""docs/glossary.md: the glossary of the report, with links to pages that have more."""

from pathlib import Path

from resiliency.report.glossary import Term, glossary
from resiliency.report.templates import escaped

INTRODUCTION = """# Glossary

These are the words of the documentation, the configuration, the tables and the report, each with one meaning.
`python -m resiliency.reference` writes the page from `scripts/resiliency/report/glossary.yaml`.
"""


def glossary_page(docs: Path) -> str:
    """The text of docs/glossary.md.

    Args:
        docs: folder of the pages, whose titles become the texts of links.
    """
    parts = [INTRODUCTION]
    for title, terms in glossary().items():
        parts += [f"\n## {title}\n\n| Term | Meaning |\n|---|---|\n"]
        parts += [f"| **{escaped(term.names[0])}** | {_meaning(term, docs)} |\n" for term in terms.values()]
    return "".join(parts)


def _meaning(term: Term, docs: Path) -> str:
    text = escaped(term.definition)
    if not term.page:
        return text
    title = (docs / f"{term.page}.md").read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
    return f"{text} See [{title}]({term.page}.md)."
