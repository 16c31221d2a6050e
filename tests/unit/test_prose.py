"""The prose of the documentation keeps its style where that is cheap to check: words, numbers, length of sentences."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
OTHERS_WORDS = {"tables", "references"}  # of the catalogue of tables; names of works are their authors'
PAGES = {path.stem: path for path in sorted(DOCS.glob("*.md")) if path.stem not in OTHERS_WORDS}
PAGES |= {name: REPOSITORY / f"{name}.md" for name in ("README", "CONTRIBUTING")}
PAGES |= {name: DOCS / f"results/{name}.md" for name in ("gpu_hours", "imagenet_costs")}
LONGEST = 40  # words of a sentence

# What is avoided -> what is written instead.
AVOIDED = {
    r"\banew\b|\bmade again\b": "again, recomputed, retrained",
    r"\blest\b": "so that ... not",
    r"\blikewise\b": "repeat the words",
    r"\bdata sets?\b": "dataset",
    r"\bfurther test sets?\b": "additional test sets",
    r"\bheld-out corruptions?\b": "extra corruptions",
    r"\bmean corruption errors?\b": "corrupted error; mCE if it is normalised",
    r"\bknown by\b": "of which only ... are available",
    r"\bheld fixed\b": "treated as fixed",
    r"\b(gone|goes|going) on (from|with)\b": "resumes",
    r"\bfrom elsewhere\b": "imported",
    r"\b(tells?|told|stands?|judged?)\b(?! apart)": "says, shows, is, evaluated",
    r"\bfor (there|they|it|a) (is|are|may|has|have|was|were)\b": "because",
    r"\bwhat follows\b": "downstream",
    r"\bpretended\b": "simulated",
    r"\d %": "95%, closed up",
    r"(?<![\w.])\.\d": "a zero before the point",
}
BEGINNINGS = re.compile(r"^(Of|By|Where|Likewise)\b(?!.*\?$)")


def units(text: str) -> list[str]:
    """The paragraphs, items of lists, headings and cells of tables of a page, without code, links and comments."""
    text = re.sub(r"<!--.*?-->|^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r"\$[^$\n]+\$|`[^`]*`", "X", text))
    text = re.sub(r"^(\s*)([-*]|\d+\.) ", r"\n\1", text, flags=re.MULTILINE)
    blocks = [" ".join(block.split()) for block in re.split(r"\n\s*\n|\n(?=[|#])|(?<=\|)\n", text)]
    return [cell.strip() for block in blocks for cell in (block.split("|") if block.startswith("|") else [block])]


def sentences(text: str) -> list[str]:
    return [
        sentence for unit in units(text) for sentence in re.split(r"(?<=[.!?:;])\**\s+(?=[*(\"A-Z])", unit) if sentence
    ]


def avoided(text: str) -> list[str]:
    return [f"{match[0]!r}: write {use}" for words, use in AVOIDED.items() for match in re.finditer(words, text)]


@pytest.mark.parametrize("name", PAGES)
def test_words_and_numbers(name):
    assert avoided(" \n".join(units(PAGES[name].read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize("name", PAGES)
def test_sentences_are_short_and_begin_with_their_subject(name):
    of_page = sentences(PAGES[name].read_text(encoding="utf-8"))
    assert [sentence for sentence in of_page if len(re.findall(r"\w[\w'’.-]*", sentence)) > LONGEST] == []
    assert [sentence for sentence in of_page if BEGINNINGS.match(sentence) and sentence.endswith(".")] == []
