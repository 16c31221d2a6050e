"""What to read with care: models that should not be used, members that learned too little, and test
images that are too few."""

from collections.abc import Callable, Sequence

import pandas as pd

from resiliency.analysis.contenders import BEARABLE, name_of
from resiliency.analysis.contenders import shortcomings as errors_too_high
from resiliency.analysis.member_tables import SAME_ANSWERS, STILL_LEARNING
from resiliency.base.names import CLEAN, JOINT, SYNSET
from resiliency.metrics.classification import (
    FEW_IMAGES,
    FEW_STEPS,
    FEWEST_IMAGES,
    FEWEST_STEPS,
    NEAR_CHANCE,
)
from resiliency.report import words
from resiliency.report.overview import NAMED, contenders, resampled
from resiliency.report.rows import Row
from resiliency.report.rules import Evidence, Facts, Rule, Topic, always

# Clean error of the best model from which on comparisons say little about trained networks.
POOR = 0.3
FEWEST_UNITS = 30  # from which on intervals have about their nominal coverage


def shortcomings(row: Row | pd.Series, classes: Sequence[str]) -> str:
    """What a row of deployment.csv is wrong on too often to be used as it is; "" if it is not.

    Args:
        classes: names of the classes, if they have any.
    """
    errors = errors_too_high(row)
    images = {"clean": "clean images"}
    if "class" in errors:
        name = name_of(classes, int(row["worst_class"]))
        images["class"] = f"images of class {name} under corruption"
    if "condition" in errors:
        corruption = words.label(row["worst_corruption"])
        severity = int(row["worst_severity"])
        images["condition"] = f"images under {corruption} at severity {severity}"
    wrong = []
    for name, error in errors.items():
        most = words.percent(BEARABLE[name], 0)
        wrong.append(f"on {words.percent(error)} of {images[name]} (more than {most})")
    return f"wrong {words.listed(wrong)}" if wrong else ""


def recommended(evidence: Evidence) -> Row | None:
    """The row of deployment.csv of the recommended model; None if the study has none."""
    if "deployment" not in evidence.tables:
        return None
    return next(iter(contenders(evidence.tables["deployment"])), None)


def _unfit_facts(evidence: Evidence) -> list[Facts]:
    row = recommended(evidence)
    if not row:
        return []
    wrong = shortcomings(row, evidence.card.get("classes", ()))
    if not wrong:
        return []
    return [{"what": "model" if row["size"] == 1 else "ensemble", "wrong": wrong}]


UNFIT = Topic(
    _unfit_facts,
    "deploy",
    (Rule(always, "Do not use the recommended {what} as it is: it is {wrong}."),),
)


def _poor_facts(evidence: Evidence) -> list[Facts]:
    """The clean error of the recommended model, or else of the best member, if it is `POOR`."""
    members, row = evidence.table("members"), recommended(evidence)
    accuracy = row["clean_accuracy"] if row else members["clean_accuracy"].max()
    if not 1 - accuracy >= POOR:
        return []
    source = members["weights_source"].astype(str)
    error = words.percent(1 - accuracy, 0)
    return [
        {
            "wrong": "" if row else f"The best model is wrong on {error} of clean images. ",
            "trained": source.str.startswith(("trained here", "fine-tuned here")).any(),
            "pretrained": source.str.contains("pretrained").any(),
        }
    ]


POOR_MODEL = Topic(
    _poor_facts,
    "members",
    (
        Rule(
            lambda model: not model["trained"],
            "{wrong}Check that its classes and its preprocessing are those of these images.",
        ),
        Rule(
            lambda model: model["pretrained"],
            "{wrong}Train longer, or with more images, before you compare designs.",
        ),
        Rule(
            always,
            "{wrong}Train longer, or from pretrained weights, before you compare designs.",
        ),
    ),
)


def _group_facts(evidence: Evidence) -> list[Facts]:
    """The units of each test set, and the key that says which images belong together."""
    test_sets = []
    for name, units in evidence.units.items():
        clean = name == CLEAN
        test_sets.append(
            {
                "images": "Test images" if clean else f"Images of {words.label(name)}",
                "key": "dataset.test_groups" if clean else f"test_sets.{name}.groups",
                "units": units,
                "resampled": resampled(units),
            }
        )
    return test_sets


GROUPS = Topic(
    _group_facts,
    "",
    (
        Rule(
            lambda test_set: test_set["units"]["not_by"],
            "{images} have no groups, since `dataset.groups` does not fit them: intervals take "
            "them for independent. Set `{key}`.",
        ),
        Rule(
            lambda test_set: test_set["units"]["by"] and test_set["units"]["units"] < FEWEST_UNITS,
            f"{{images}} are only {{resampled}}: intervals from fewer than {FEWEST_UNITS} are too "
            "short.",
        ),
    ),
)


def _pretraining_facts(evidence: Evidence) -> list[Facts]:
    """Pretrained members that may have seen the test images, because the classes are synsets of
    ImageNet. No pretrained weights have seen the test images of `imagenet`."""
    classes, dataset = evidence.card.get("classes", ()), evidence.card.get("name")
    if not classes or dataset == "imagenet" or not all(map(SYNSET.fullmatch, classes)):
        return []
    members = evidence.table("members")
    source = members["weights_source"].astype(str)
    pretrained = source.str.contains(r"^(?:fine-tuned here from )?pretrained ")
    names = words.first_of(members.loc[pretrained, "member"].tolist(), NAMED)
    share = "; of those of imagenette, at least 87% are" if dataset == "imagenette" else ""
    return [{"members": names, "share": share}] if names else []


PRETRAINING = Topic(
    _pretraining_facts,
    "members",
    (
        Rule(
            always,
            "Pretrained weights ({members}) may have learned from test images, which can be "
            "training images of ImageNet{share}. Their accuracies may be too high; do not compare "
            "them with members that start from random weights.",
        ),
    ),
)


def warned(members: pd.DataFrame, warning: str) -> pd.Series:
    """A mask of the members with a warning."""
    return members["warnings"].astype(object).fillna("").str.contains(warning, regex=False)


def late_settings(members: pd.DataFrame) -> dict[str, str]:
    """Objective -> weights of the loss at which joint training ended too early, such as "λ = 0.5
    and 1"."""
    joint = members[warned(members, STILL_LEARNING) & (members["origin"] == JOINT)]
    settings = {}
    for objective, weights in (
        joint.groupby("objective", sort=False)["loss_weight"].unique().items()
    ):
        settings[objective] = f"λ = {words.listed([words.plain(w) for w in sorted(weights)])}"
    return settings


def _warnings(warning: str) -> Callable[[Evidence], list[Facts]]:
    """How many members have a warning, and which; joint ones by their settings."""

    def facts(evidence: Evidence) -> list[Facts]:
        members = evidence.table("members")
        names = members.loc[warned(members, warning), "member"].tolist()
        if not names:
            return []
        late = late_settings(members) if warning == STILL_LEARNING else {}
        settings = [f"{objective} at {weights}" for objective, weights in late.items()]
        which = "; ".join(settings) or words.first_of(names, NAMED)
        return [{"members": f"{len(names):,} of {words.plural(len(members), 'member')} ({which})"}]

    return facts


WARNINGS = {
    NEAR_CHANCE: "Close to chance level on clean images: {members}. Training may have failed, or "
    "weights may belong to another task. Disregard these members and every ensemble that contains "
    "them.",
    FEW_STEPS: f"Trained for fewer than {FEWEST_STEPS} optimisation steps: {{members}}.",
    SAME_ANSWERS: "The same predicted class as another member for every image: {members}. Such "
    "members have the same weights or predictions, so ensembles count them twice. Remove one of "
    "each pair, which members.csv names.",
    STILL_LEARNING: "Still learning when joint training ended: {members}. Over its last fifth, "
    "mean validation accuracy rose by a percentage point or more. Observation 3 needs longer "
    "training.",
    FEW_IMAGES: f"With fewer than {FEWEST_IMAGES} test images, differences of several percentage "
    "points can be due to chance.",
}
WARNED = tuple(
    Topic(_warnings(warning), "members", (Rule(always, sentence),))
    for warning, sentence in WARNINGS.items()
)

CAUTIONS = (UNFIT, POOR_MODEL, GROUPS, PRETRAINING, *WARNED)
