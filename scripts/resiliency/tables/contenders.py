"""Tables about the recommended model and its alternatives, column by column."""

from resiliency.tables.ensembles import JUDGED
from resiliency.tables.record import (
    BINS,
    CONFIDENCE,
    COUNT,
    DIFFERENCE,
    FRACTION,
    FROM_0,
    JOINED,
    MORE,
    NAME,
    SIZE,
    Column,
    Table,
    ends,
    one_of,
    text,
    whole,
)

ROLES = ("recommended model", "best ensemble", "best member", "baseline")


def _who(*roles: str) -> list[Column]:
    """The columns that say which of these it is."""
    return [Column("role", "the model", one_of(*roles)), JOINED, SIZE]


CONTENDER, SHOWN = _who(*ROLES), _who("recommended model", "best member")
COSTING = _who(*ROLES, "member of the recommended model")
COSTING += [Column("images", "set of images", one_of("clean", "corrupted"))]

COSTS = Table(
    "tables/costs.csv",
    "Costs of answers",
    "Deployment",
    "Mean cost per answer, by the table `costs` of the study, of the recommended model, its members and what it has "
    "to beat.",
    "role or member, and set of images",
    [
        *COSTING,
        Column("answers", f"number of answers, {JUDGED} of the test images under all conditions of the set", COUNT),
        Column("error", "top-1 error", FRACTION),
        Column("cost", "cost per answer, mean", MORE),
        *ends(
            "cost", "bootstrap over units of images; up to Wilson's share of 0 of the largest cost if none occurs", MORE
        ),
        CONFIDENCE,
    ],
    needs=frozenset({"corruptions", "ensembles", "images", "costs"}),
    published=True,
)

COSTLY_CONFUSIONS = Table(
    "tables/costly_confusions.csv",
    "Costliest confusions",
    "Deployment",
    "The ten confusions of each model that cost most in all, on clean and on corrupted images.",
    "role or member, set of images and confusion",
    [
        *COSTING,
        Column("label", "true class", NAME),
        Column("answer", "answered class", NAME),
        Column("count", f"number of these answers, {JUDGED} of the test images", COUNT),
        Column("share", "share of the answers to images of the true class", FRACTION),
        Column("cost", "cost of one of these answers", MORE),
        Column("cost_share", "share of the cost of all answers", FRACTION),
    ],
    needs=frozenset({"corruptions", "ensembles", "images", "costs"}),
    published=True,
)

CONTENDERS = Table(
    "tables/contenders.csv",
    "Recommended model under each corruption",
    "Deployment",
    "Errors of the recommended model and its alternatives under each corruption, and their differences.",
    "role and corruption, and one of each mean",
    [
        *CONTENDER,
        Column(
            "corruption",
            "the corruption; `corrupted` for the mean, `held_out` for that over those by which nothing was selected",
            NAME,
        ),
        Column("images", "number of images used for judging", COUNT),
        Column("error", f"top-1 error, mean over severities, {JUDGED} of the test images", FRACTION),
        *ends("", "bootstrap over units of images"),
        Column("difference", "error of the recommended model minus this error, on the same images", DIFFERENCE),
        *ends(
            "difference",
            "bootstrap over units of images, corrected for the number of corruptions but for means; "
            "Wilson if none differs",
            DIFFERENCE,
        ),
        CONFIDENCE,
    ],
    needs=frozenset({"corruptions", "ensembles", "images"}),
    published=True,
)

CONFUSIONS = Table(
    "tables/confusions.csv",
    "Confusions",
    "Deployment",
    "Counts of true and predicted classes of the recommended model and the best member, on images not used to choose.",
    "role, set of images, class and predicted class that occur together",
    [
        *SHOWN,
        Column("images", "`clean` or `corrupted` (all conditions together), the half used for judging", NAME),
        Column("class", "class of the images", NAME),
        Column("predicted", "class that is predicted", NAME),
        Column("answers", "number of such answers: images times conditions", COUNT),
        Column("share", "their share of the answers to images of the class", FRACTION),
    ],
    needs=frozenset({"corruptions", "ensembles", "images"}),
    published=True,
)

CLASS_ERRORS = Table(
    "tables/class_errors.csv",
    "Errors of each class",
    "Deployment",
    "Errors of the recommended model and the best member on each class, clean and under each corruption.",
    "role, class and corruption",
    [
        *SHOWN,
        Column("class", "class of the images", NAME),
        Column("corruption", "`clean`, a corruption, or `corrupted`: their mean", NAME),
        Column("images", "number of images of the class, of the half used for judging", COUNT),
        Column("error", "top-1 error, mean over severities", FRACTION),
        *ends("", "Wilson, with the variance over images; the upper end is no lower than without errors"),
        CONFIDENCE,
    ],
    needs=frozenset({"corruptions", "ensembles", "images"}),
    published=True,
)

FAILURES = Table(
    "tables/failures.csv",
    "Failures of the recommended model",
    "Deployment",
    "The most confident wrong answers of the recommended model, and the images that none of its members gets right.",
    "failure: at most 24 of each kind",
    [
        Column(
            "kind",
            "the most confident wrong answer of a pair of `classes`, or under a `corruption`; or an image that "
            "`no member` gets right",
            one_of("classes", "corruption", "no member"),
        ),
        Column("image", "position of the image in the test set", FROM_0),
        Column("name", "name of the image", NAME),
        Column("corruption", "its corruption; `clean` without", NAME),
        Column("severity", "its severity; 0 without", whole("0 to 5", 0, 5)),
        Column("class", "class of the image", NAME),
        Column("predicted", "class that the recommended model predicts", NAME),
        Column("confidence", "its maximum probability at the temperature, or share of votes", FRACTION),
        Column(
            "conditions", "number of conditions under which no member gets the image right; only for `no member`", COUNT
        ),
        Column(
            "said",
            "what each member predicts with which probability, in the order of the members",
            text("joined by `; `"),
        ),
    ],
    needs=frozenset({"corruptions", "ensembles", "images"}),
)

CONTENDER_CALIBRATION = Table(
    "tables/contender_calibration.csv",
    "Calibration of the recommended model",
    "Deployment",
    "Confidence against accuracy of the recommended model, the best ensemble, the best member and the baseline.",
    "role, set of images and bin of confidence that holds predictions",
    [
        *CONTENDER,
        Column("images", "`clean` or `corrupted` (all corrupted conditions pooled), the half used for judging", NAME),
        *BINS,
    ],
    needs=frozenset({"corruptions", "ensembles", "images"}),
    published=True,
)
