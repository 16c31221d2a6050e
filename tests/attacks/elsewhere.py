"""Reading files of members from elsewhere as the pipeline does, and what must come of it."""

from pathlib import Path

import numpy as np
from attacks.cases import Wrong
from attacks.studies import elsewhere

from resiliency.external.predictions import Reader
from resiliency.external.tables import error_rows, read_scores
from resiliency.study.files import load

IMAGES, CLASSES = 12, 3
CONDITIONS = ("clean", "fog.1", "photos")
LABELS = np.arange(IMAGES) % CLASSES
NAMES = [f"{'xyz'[label]}{image:02}" for image, label in enumerate(LABELS)]
PROBABILITIES = {
    name: np.random.default_rng(number).dirichlet(np.ones(CLASSES), IMAGES) for number, name in enumerate(CONDITIONS)
}
ANSWERS = {name: values.argmax(axis=1) for name, values in PROBABILITIES.items()}
SCORES = {"one": [91.5, 70.0, 55.25], "two": [88.0, 61.5, 47.0]}

Read = dict[str, dict[str, np.ndarray]]


def read(external: dict, **settings: object) -> Read:
    """Member -> condition -> its decisions int N, its logits float N x K, or its error, of these files.

    Raises:
        Fault: a file is refused, before the first job or by the job that reads it.
    """
    study = load(elsewhere(external) | settings)
    contents = study.elsewhere
    predicted = [source for source in contents.sources if source.kind != "scores"]
    found = {}
    for source in contents.sources:
        if source.kind == "scores":
            found |= _scored(source.file, contents.layout(source))
    readers = [Reader(one.kind, one.file, contents.layout(one), study.external.known_classes) for one in predicted]
    if readers:
        truths, classes = readers[0].labels(), readers[0].classes(predicted[0].members)
        images = {name: (list(map(str, truths[name])), of_set) for name, of_set in readers[0].images().items()}
    for source, reader in zip(predicted, readers, strict=True):
        reader.check(truths, images)
        for member in source.members:
            values = dict(reader.read(member, classes))
            found[member] = {
                name: of_condition
                for test_set, names in contents.layout(source).items()
                for name, of_condition in zip(names, values[test_set], strict=True)
            }
    return found


def _scored(file: str, layout: dict[str, list[str]]) -> Read:
    errors = error_rows(read_scores(file), layout, {}, {})
    names = errors["test_set"].where(
        errors["severity"] == 0, errors["corruption"] + "." + errors["severity"].astype(str)
    )
    return {
        member: dict(zip(names[rows.index], rows["error"], strict=True)) for member, rows in errors.groupby("member")
    }


def judge(found: Read) -> None:
    """Raise `Wrong` if what was read is not what the files say of the images of the first file, in its order."""
    for member, of_member in found.items():
        for name, values in of_member.items():
            values = np.asarray(values, float)
            if values.ndim == 0:
                truth = 1 - SCORES[member][CONDITIONS.index(name)] / 100
            elif values.ndim == 1:
                truth = ANSWERS[name]
            else:
                values = np.exp(values - np.logaddexp.reduce(values, axis=1, keepdims=True))
                truth = PROBABILITIES[name]
            if values.shape != np.shape(truth) or not np.allclose(values, truth, atol=0.02):
                raise Wrong(
                    f"member {member}, {name}: {values.tolist()!r:.80} is not {np.asarray(truth).tolist()!r:.80}"
                )


def rows(member: str) -> list[list[str]]:
    """The table of decisions of a member, with its header."""
    table = [["test_set", "image", "label", member]]
    for name in CONDITIONS:
        table += [[name, i, str(t), str(a)] for i, t, a in zip(NAMES, LABELS, ANSWERS[name], strict=True)]
    return table


def scores() -> list[list[str]]:
    """The table of scores, with its header."""
    return [["member", *CONDITIONS], *([member, *map(str, of_member)] for member, of_member in SCORES.items())]


def text(table: list[list[str]]) -> str:
    return "\n".join(",".join(row) for row in table) + "\n"


def write_arrays(folder: Path, kind: str, members: tuple[str, ...] = ("one", "two")) -> None:
    """A folder of logits or probabilities of members that are one network."""
    for name, values in PROBABILITIES.items():
        arrays = {"labels": LABELS} | dict.fromkeys(members, values if kind == "probabilities" else np.log(values) + 1)
        for owner, array in arrays.items():
            (folder / owner).mkdir(parents=True, exist_ok=True)
            np.save(folder / owner / f"{name}.npy", array)
