"""What is run again after an edit: exactly the stages that depend on it, so many jobs of each."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.staleness

REPOSITORY = Path(__file__).parents[2]
CODE = ("Snakefile", "config.yaml", "rules", "scripts", "studies", "envs", "profiles")

PAGE = {"charts": 1, "report": 1}
OBSERVED = {"observe": 1, **PAGE}
CORRELATED = {"correlate": 1, **OBSERVED}
CHOSEN = {"choose_ensembles": 1, "assess_ensembles": 1}
ENSEMBLES = {"score_ensembles": 1, **CHOSEN}
ENSEMBLES |= {"leave_out_images": 1, **CORRELATED}
DIVERSITY = {"pairwise_diversity": 1, **ENSEMBLES}
SCORES = {"score_members": 1, "compare_members": 1, "choose_members": 1, "swap_members": 1}
SCORES |= DIVERSITY
GALLERY = {"gallery": 1}
INDEPENDENT = {"predict": 4, "attribute": 4, **GALLERY, **SCORES}
NEW_MEMBER = {"train": 1, "predict": 1, "attribute": 1, **SCORES}
TWO_MEMBERS = {**NEW_MEMBER, "train": 2, "predict": 2, "attribute": 2}
ONE_DESIGN = {**TWO_MEMBERS, **GALLERY}  # whose first member is pictured
JOINT = {"predict": 6, "attribute": 6, **SCORES}
SEARCHED = {"search": 1, "predict": 2, "attribute": 2, **SCORES}
SUPERNET = {"train_supernet": 1, **SEARCHED}
ALL = {"predict": 12, "attribute": 12}
TRAINED = {"train": 4, "train_jointly": 3, **SUPERNET, **INDEPENDENT, **ALL}
PREDICTED = {"predict": 12, **SCORES}
ATTRIBUTED = {"attribute": 12, "compare_members": 1, "choose_members": 1, **GALLERY, **DIVERSITY}
CORRUPTED = {"corrupt": 2, **GALLERY, **PREDICTED}
EVERYTHING = {"dataset": 1, "units": 1, "conditions": 1, **CORRUPTED, **TRAINED}

LIBRARY = "scripts/resiliency"


def edited_code(folder: Path, edits: dict[str, Callable[[str], str]]) -> Path:
    """A copy of the pipeline's code in `folder`, with some files changed, or added."""
    folder.mkdir()
    for name in CODE:
        (shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copy)(
            REPOSITORY / name, folder / name
        )
    for name, edit in edits.items():
        before = (folder / name).read_text() if (folder / name).exists() else ""
        after = edit(before)
        assert after != before, name
        (folder / name).write_text(after)
    return folder


def another_statement(text: str) -> str:
    return text + "\nEDITED = 1\n"


def other_words(text: str) -> str:
    """Other comments, docstring and layout, and the same code."""
    docstring, _, rest = text.removeprefix('"""').partition('"""')
    return (
        f'"""Otherwise: {docstring}"""\n\n# Why.\n'
        + rest.replace("\n\n", "\n\n\n")
        + "\n# The end.\n"
    )


@pytest.fixture
def planned_with(workflow, tmp_path) -> Callable[..., dict[str, int]]:
    """Rule -> jobs that would run if code were edited so, in a copy of it elsewhere, beside the
    finished results."""

    def planned(
        edits: dict[str, Callable[[str], str]], *arguments: str, study: Path | None = None
    ) -> dict[str, int]:
        code = edited_code(tmp_path / "code", edits)
        return type(workflow)(workflow.directory, study or workflow.study, code).planned(*arguments)

    return planned


def test_nothing_after_edits_of_words_in_a_fresh_clone(planned_with):
    """In files that are newer than the results."""
    modules = ("train", "resiliency/training/engine", "resiliency/storage")
    edits = {f"scripts/{module}.py": other_words for module in modules}
    assert planned_with(edits) == {}


@pytest.mark.parametrize(
    ("file", "edit", "expected"),
    [
        (f"{LIBRARY}/data/reading.py", another_statement, EVERYTHING),
        (f"{LIBRARY}/corruptions/weather.py", another_statement, CORRUPTED),
        (f"{LIBRARY}/training/engine.py", another_statement, TRAINED),
        (
            f"{LIBRARY}/analysis/observations/correlation.py",
            another_statement,
            CORRELATED,
        ),
        (
            f"{LIBRARY}/tables.yaml",
            lambda text: text.replace("Correlation of", "Link of"),
            {"report": 1},
        ),
        ("scripts/train.py", another_statement, {"train": 4, **INDEPENDENT}),
    ],
)
def test_a_real_change_of_code(planned_with, file, edit, expected):
    """Of stages that no setting below makes stale alone; test_reached.py has what each
    stage imports."""
    assert planned_with({file: edit}) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("dataset={test_groups: near_duplicates}", {"units": 1, **SCORES, "pairwise_diversity": 0}),
        ("deployment={max_size: 3}", {**CHOSEN, **PAGE}),
        ("ensembles={sizes: [2]}", {**ENSEMBLES, "choose_members": 1}),
        ("members={seeds: {densenet_s: 2, convnext: 3}}", NEW_MEMBER),
        ("members={designs: [densenet_s, convnext, starnet]}", ONE_DESIGN),
        ("members={baseline: convnext-s0}", {**SCORES, "pairwise_diversity": 0}),
        (
            "joint={objectives: {kl: [0.5]}}",
            {"train_jointly": 1, **JOINT, "predict": 2, "attribute": 2},
        ),
        (
            "corruptions={names: [gaussian_noise, contrast, fog]}",
            {**PREDICTED, "corrupt": 1, "conditions": 1},
        ),
        (
            "corruptions={names: [contrast, gaussian_noise]}",
            {**PREDICTED, **GALLERY, "conditions": 1},
        ),
        (
            "attribution={methods: [saliency, integrated_gradients, grad_cam, occlusion]}",
            ATTRIBUTED,
        ),
        ("search={n_calibration_images: 32}", SEARCHED),
    ],
)
def test_a_change_of_the_study(workflow, change, expected):
    assert workflow.planned("--config", change) == {
        rule: count for rule, count in expected.items() if count
    }


def test_what_was_deleted_and_not_what_was_only_touched(workflow, tmp_path):
    copy = workflow.copied(tmp_path / "copy")
    for path in [*copy.results.glob("data/*/*"), *copy.results.glob("members/*/*")]:
        os.utime(path)
    (copy.results / "search/supernet/weights.safetensors").unlink()
    assert copy.planned() == SUPERNET


def test_an_upgraded_library(workflow, tmp_path, monkeypatch):
    """Nothing is thrown away: whether results are to be made again with another torch is for the
    user to say."""
    upgraded = tmp_path / "torch-99.0.dist-info"
    upgraded.mkdir()
    (upgraded / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 99.0\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    assert workflow.planned() == {}


def test_a_dry_run_names_the_keys_that_changed_and_why_stages_run(workflow):
    edits = ("statistics={resamples: 300}", "designs={convnext: {training: {epochs: 3}}}")
    output = workflow.snakemake("--dry-run", "--cores", "2", "--config", *edits).stdout
    keys = output.partition("\nChanged in the study:\n")[2].partition("\nJob stats:")[0]
    reasons = output.partition("\nReasons:\n")[2].splitlines()
    keys = [line for line in keys.splitlines() if line.startswith("  ")]
    assert keys == [
        "  designs.convnext.training.epochs: – -> 3",
        "  statistics.resamples: 200 -> 300",
    ]
    assert any(
        "params have changed since last execution: 2 × train" in reason for reason in reasons
    )
    of_rules = [
        of_rule
        for reason in reasons
        if reason
        for of_rule in reason.rpartition(": ")[2].split(", ")
    ]
    assert (
        sum(int(of_rule.split()[0]) for of_rule in of_rules)
        == sum(workflow.planned_in(output).values()) + 1
    )
    assert "cleanup-metadata" not in output


def test_results_without_records_are_refused(workflow, tmp_path):
    """Without records Snakemake alone finds nothing to be done, whatever the study says now."""
    copy = workflow.copied(tmp_path / "copy")
    shutil.rmtree(copy.directory / ".snakemake")
    run = copy.snakemake("--cores", "1", "--config", "training={epochs: 3}")
    assert run.returncode == 1, run.stdout
    (line,) = [line for line in run.stdout.splitlines() if line.startswith("study: ")]
    assert (
        f"records of what these results were made with are not in {copy.directory}/.snakemake"
        in line
    )
    shutil.rmtree(copy.results)
    assert sum(copy.planned().values()) > 45
