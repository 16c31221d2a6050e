"""Generated pages of Markdown show names of users as they are, whatever marks these have."""

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from synthetic import synthetic_tables

from published.kept import RESULTS
from published.page import page as results_page
from published.runtimes import page as runtimes_page
from published.runtimes import runtimes
from resiliency.export.exporting import Agreement, model_card
from resiliency.export.loading import Temperature
from resiliency.report.templates import code, escaped
from resiliency.storage.tables import read_table, write_table

HOSTILE = "a|b *c* __d__ `e` <script>alert(1)</script>\n# f [g](javascript:h) ![i](j) $k$ ~~l~~ &lt; \\"
AT_START = ["- a", "# a", "+ a", "1. a", "12) a", "> a", "=== a", ": a", "| a", "``` a"]
MARKS = ["*", "_", "`", "|", "\\", "<b>", "&amp;", "[a](b)", "~~a~~", "$a$", "a\nb", "a\r\n\r\nb"]


def parsed(text: str) -> list:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)


def shape(text: str) -> list[str]:
    """The kinds of all that the page has, apart from text."""
    kinds = []
    for token in parsed(text):
        kinds.append(token.type)
        kinds += [child.type for child in token.children or [] if not child.type.startswith("text")]
    return kinds


def words_of(text: str) -> str:
    """All text of the page, in prose and in code."""
    leaves = [leaf for token in parsed(text) for leaf in token.children or [token]]
    return "".join(leaf.content for leaf in leaves if leaf.type.startswith(("text", "code", "fence")))


def renamed(value: object, name: str) -> object:
    """`value` with another name in place of resnet, in all that it holds."""
    if isinstance(value, dict):
        return {renamed(key, name): renamed(of_key, name) for key, of_key in value.items()}
    if isinstance(value, list):
        return [renamed(item, name) for item in value]
    return value.replace("resnet", name) if isinstance(value, str) else value


def kept(folder: Path, name: str) -> Path:
    """What the page of *digits* is made from, where designs, families, members and machines have other names."""
    copy = shutil.copytree(RESULTS / "digits", folder / "digits")
    for path in copy.glob("*.csv"):
        write_table(path, read_table(path).map(partial(renamed, name=name)))
    for path in copy.glob("*.json"):
        path.write_text(json.dumps(renamed(json.loads(path.read_text(encoding="utf-8")), name)), encoding="utf-8")
    provenance = json.loads((copy / "provenance.json").read_text(encoding="utf-8"))
    provenance |= {"processor": name, "device": name, "platform": name, "bfloat16": [name], "git_commit": name}
    (copy / "provenance.json").write_text(json.dumps(provenance), encoding="utf-8")
    return copy


def page_of_results(folder: Path, name: str) -> str:
    return results_page(kept(folder, name))


def page_of_runtimes(folder: Path, name: str) -> str:
    kept(folder, name)
    return runtimes_page(runtimes(folder))


def card(_: Path, name: str) -> str:
    tables = synthetic_tables()
    row = tables["deployment"].iloc[-1].copy()
    members = (
        tables["members"]
        .iloc[:2]
        .assign(member=[name, "b-s0"], architecture=name, weights_kind="file", weights_source=f"file {name}")
    )
    row["members"], row["worst_corruption"] = f"{name}+b-s0", name
    data = {"name": name, "source": name, "classes": [name, name], "splits": {"test": {"images": 40}}}
    calibration = {"images": "clean", "nll_before": 0.4, "nll_after": 0.3, "ece_before": 0.2, "ece_after": 0.1}
    calibration |= {"brier_before": 0.3, "brier_after": 0.2}
    calibration |= {f"{of}_after_{end}": 0.25 for of in ("nll", "ece", "brier") for end in ("low", "high")}
    row["cost"], row["cost_low"], row["cost_high"] = 0.4, 0.3, 0.5
    selective = tables["selective_prediction"].head(2).to_dict("records")
    return model_card(
        row,
        members,
        study="tiny",
        ensemble="best",
        corruptions=6,
        commit=name,
        seed=0,
        precision="bfloat16",
        command=f"snakemake export --configfile '{name}'",
        card=data,
        side=32,
        temperature=Temperature(1.5, 180, "validation", name),
        calibration=[calibration],
        selective=selective,
        thresholds=tables["thresholds"].head(2).to_dict("records"),
        times=[{"model": name, "runtime": "torch", "threads": 1, "median": 1.0, "low": 0.9, "high": 1.1}],
        check=Agreement(40, 40, 1e-6),
        machine=name,
        python="3.12",
    )


@pytest.mark.parametrize("page", [page_of_results, page_of_runtimes, card])
def test_hostile_names_change_nothing_but_the_text_of_a_page(page: Callable[[Path, str], str], tmp_path):
    plain, hostile = page(tmp_path / "plain", "plain"), page(tmp_path / "hostile", HOSTILE)
    assert shape(hostile) == shape(plain)
    assert not {"html_inline", "html_block"} & set(shape(hostile))
    assert HOSTILE.replace("\n", " ") in words_of(hostile)


@pytest.mark.parametrize("text", [*AT_START, *MARKS, HOSTILE])
@pytest.mark.parametrize("template", ["{}", "- {}", "> {}", "## {}", "| a |\n|---|\n| {} |", "**b** {}"])
def test_text_is_what_it_was(text, template):
    filled, plain = template.format(escaped(text)), template.format("plain")
    assert shape(filled) == shape(plain)
    assert " ".join(text.splitlines()).strip() in words_of(filled)


@pytest.mark.parametrize("text", ["`", "a `` b", "``` *a* <b>"])
def test_code_is_what_it_was(text):
    (paragraph,) = [token for token in parsed(f"See {code(text)}.") if token.type == "inline"]
    assert [child.content for child in paragraph.children] == ["See ", text, "."]
