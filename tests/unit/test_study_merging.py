"""What a study says of a design, and of other names, is all that counts of it; the keys of sections are merged."""

import shlex
from pathlib import Path

import pytest
import yaml
from snakemake.cli import parse_config

from resiliency.study.files import command, merged, read, read_merged

REPOSITORY = Path(__file__).parents[2]
DEFAULT = REPOSITORY / "config.yaml"


def files(folder: Path, *texts: str) -> list[Path]:
    """Write files, each a text; their paths in order."""
    paths = [folder / f"{index}.yaml" for index in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        (
            "search: {elastic: {depth: [1], width: [1]}}",
            "search: {elastic: {width: [1, 0.5]}}",
            "search: {elastic: {depth: [1], width: [1, 0.5]}}",
        ),
        ("designs: {a: {w: 1, x: {y: 1}}}", "designs: {a: {x: {z: 1}}}", "designs: {a: {x: {z: 1}}}"),
        ("test_sets: {a: {folder: x, classes: all}}", "test_sets: {a: {folder: y}}", "test_sets: {a: {folder: y}}"),
        ("members: {seeds: {a: 2}, baseline: c}", "members: {seeds: {b: 3}}", "members: {seeds: {b: 3}, baseline: c}"),
        (
            "external: {images: {a: 1}, clean_on: {a: b}, classes: 10}",
            "external: {images: {c: 1}, clean_on: {}}",
            "external: {images: {c: 1}, clean_on: {}, classes: 10}",
        ),
    ],
)
def test_sections_are_merged_and_names_are_replaced(tmp_path, first, second, together):
    assert read_merged(files(tmp_path, first, second)) == yaml.safe_load(together)
    assert read_merged(files(tmp_path, first)) == yaml.safe_load(first)


def test_a_section_that_was_null_is_given_by_a_later_file(tmp_path):
    objectives = "joint: {objectives: {kl: [1]}}"
    assert read_merged(files(tmp_path, "joint: null", objectives)) == yaml.safe_load(objectives)


def test_the_command_line_changes_single_keys(tmp_path):
    first = "designs: {a: {architecture: x, stem: auto, arguments: {d: 1, w: 2}}}\nmembers: {seeds: {a: 2, b: 2}}"
    second = "designs: {a: {architecture: y}}\nmembers: {seeds: {c: 3}}"
    given = {"designs": {"a": {"arguments": {"d": 1}, "family": None}}, "members": {"seeds": {"b": 2}}}
    assert merged(map(read, files(tmp_path, first, second)), given) == {
        "designs": {"a": {"architecture": "y", "arguments": {"d": 1}, "family": None}},
        "members": {"seeds": {"c": 3, "b": 2}},
    }


def test_snakemake_reads_files_in_order_and_the_command_line_on_top(tmp_path, snakemake):
    first, second = "study: mine\ndesigns: {vit: {factory: a:b}}\n", "joint: null\ndesigns:\n  vit: {stem: original}\n"
    paths = files(tmp_path, first, second)
    arguments = ["--snakefile", str(REPOSITORY / "Snakefile"), "--dry-run", "--cores", "1"]
    arguments += ["--configfile", *map(str, paths), "--config", "designs={resnet18: {stm: auto}}"]
    prefix = "study 0.yaml 1.yaml: designs."
    run = snakemake(arguments, tmp_path)
    assert run.returncode != 0
    assert f"\n{prefix}vit.architecture: required; give it, or a factory" in run.stdout
    assert f"\n{prefix}resnet18.stm: unknown key; did you mean stem?" in run.stdout


def test_the_command_that_makes_something_again_is_read_as_the_first():
    here, photos = Path("/home/me/resiliency"), Path("/home/me/photos")
    given = {"ensemble": "best under 5 M MACs", "seed": 3, "search": None, "folder": "a 'quoted' $HOME"}
    given["dataset"] = {"name": "image_folder", "classes": ["a", "b, c"]}
    words = shlex.split(command("export", [here / "studies/tiny.yaml"], given, here, here))
    assert words[:7] == ["snakemake", "export", "--cores", "all", "--configfile", "studies/tiny.yaml", "--config"]
    assert parse_config(words[7:]) == given
    words = shlex.split(command("export", [photos / "my study.yaml", here / "studies/tiny.yaml"], {}, here, photos))
    files = ["my study.yaml", "$CHECKOUT/studies/tiny.yaml"]
    assert words[4:] == ["--snakefile", "$CHECKOUT/Snakefile", "--configfile", *files]
