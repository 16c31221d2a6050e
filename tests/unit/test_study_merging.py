"""What a study says of a design, and of other names, is all that counts of it; the keys of sections are merged."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.utils import update_config

from resiliency.study.files import read_merged, read_places, without_inherited

REPOSITORY = Path(__file__).parents[2]
DEFAULT = REPOSITORY / "config.yaml"


@pytest.fixture
def files(tmp_path):
    """Writes files, each a text, and returns their paths in order."""

    def write(*texts: str) -> list[Path]:
        paths = [tmp_path / f"{index}.yaml" for index in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text, encoding="utf-8")
        return paths

    return write


@pytest.fixture
def merged(files):
    """What files together say, each a text; `given` on the command line."""

    def merge(*texts: str, given: dict[str, Any] | None = None) -> dict[str, Any]:
        if given is None:
            return read_merged(files(*texts))
        config: dict[str, Any] = {}
        for text in texts:
            update_config(config, yaml.safe_load(text))
        update_config(config, given)
        return without_inherited(config, read_places(files(*texts)), given)[0]

    return merge


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("training: {epochs: 3, ema: 0.9}", "training: {epochs: 4}", "training: {epochs: 4, ema: 0.9}"),
        (
            "search: {elastic: {depth: [1], width: [1]}}",
            "search: {elastic: {width: [1, 0.5]}}",
            "search: {elastic: {depth: [1], width: [1, 0.5]}}",
        ),
        ("designs: {a: {x: 1, y: 2}}", "designs: {a: {y: 3}}", "designs: {a: {y: 3}}"),
        ("designs: {a: {x: {y: 1}}}", "designs: {a: {x: {z: 1}}}", "designs: {a: {x: {z: 1}}}"),
        ("test_sets: {a: {folder: x, classes: all}}", "test_sets: {a: {folder: y}}", "test_sets: {a: {folder: y}}"),
        ("members: {seeds: {a: 2}, baseline: c}", "members: {seeds: {b: 3}}", "members: {seeds: {b: 3}, baseline: c}"),
        (
            "external: {images: {a: 1}, clean_on: {a: b}, classes: 10}",
            "external: {images: {c: 1}, clean_on: {}}",
            "external: {images: {c: 1}, clean_on: {}, classes: 10}",
        ),
    ],
)
def test_sections_are_merged_and_names_are_replaced(merged, first, second, together):
    assert merged(first, second) == yaml.safe_load(together)
    assert merged(first) == yaml.safe_load(first)


def test_the_command_line_changes_single_keys(merged):
    first = "designs: {a: {architecture: x, stem: auto, arguments: {d: 1, w: 2}}}\nmembers: {seeds: {a: 2, b: 2}}"
    second = "designs: {a: {architecture: y}}\nmembers: {seeds: {c: 3}}"
    given = {"designs": {"a": {"arguments": {"d": 1}, "family": None}}, "members": {"seeds": {"b": 2}}}
    assert merged(first, given=given) == {
        "designs": {"a": {"architecture": "x", "stem": "auto", "arguments": {"d": 1, "w": 2}, "family": None}},
        "members": {"seeds": {"a": 2, "b": 2}},
    }
    assert merged(first, second, given=given) == {
        "designs": {"a": {"architecture": "y", "arguments": {"d": 1}, "family": None}},
        "members": {"seeds": {"c": 3, "b": 2}},
    }


def test_snakemake_reads_files_in_order_and_the_command_line_on_top(files, tmp_path, snakemake):
    paths = files("study: mine\ndesigns: {vit: {factory: a:b}}\n", "joint: null\ndesigns:\n  vit: {stem: original}\n")
    arguments = ["--snakefile", str(REPOSITORY / "Snakefile"), "--dry-run", "--cores", "1"]
    arguments += ["--configfile", *map(str, paths)]
    fault = "study: designs.vit.architecture: required; give it, a factory, or an ONNX file as weights (1.yaml, line 3)"
    run = snakemake(arguments, tmp_path)
    assert run.returncode != 0
    assert fault in run.stdout.splitlines()
    given = "designs={vit: {architecture: vit_tiny_patch16_224}, resnet18: {stm: auto}}"
    run = snakemake([*arguments, "--config", given], tmp_path)
    assert "\nstudy: designs.resnet18.stm: unknown key; did you mean stem?" in run.stdout
