"""Tables about members and conditions, column by column."""

from resiliency.tables.record import (
    ANY,
    BINS,
    CONFIDENCE,
    COUNT,
    DIFFERENCE,
    FLAG,
    FRACTION,
    FROM_0,
    FROM_1,
    JOINT,
    MACS,
    MEMBER_ORIGINS,
    MORE,
    NAME,
    NATS,
    Column,
    Table,
    ends,
    number,
    one_of,
    text,
    whole,
)

MEMBERS = Table(
    "tables/members.csv",
    "Members",
    "Members",
    "Accuracy on each test set, corrupted error, mCE, calibration and cost of each member, with intervals.",
    "member",
    [
        Column("member", "name, such as `resnet50-s0`, `search-02` or `balanced-l0.5-s0-m1`", NAME),
        Column(
            "origin",
            "how the member was made",
            one_of(
                *MEMBER_ORIGINS,
                words="`independent` (trained alone, loaded, or imported), `joint` or `search`",
            ),
        ),
        JOINT[0],
        Column("design", "name of the design; for a sub-network of the search, its own", NAME),
        *JOINT[1:],
        Column("index", "position within the jointly trained ensemble, or among the sub-networks", FROM_0),
        Column("family", "architecture family: as the study says, else timm's module", NAME),
        Column("architecture", "architecture in timm, or the factory", NAME),
        Column(
            "weights_kind",
            "where the weights come from",
            one_of("trained", "fine-tuned", "super-network", "file", "pretrained", "none"),
        ),
        Column("weights_source", "where the weights, or the predictions, come from", NAME),
        Column("parameters", "number of parameters", COUNT),
        Column("macs", "multiply–accumulate operations", MACS),
        Column("validation_accuracy", "top-1 accuracy on the validation images", FRACTION),
        Column("recipe", "training recipe, as the study names it or a table of members from elsewhere says", NAME),
        Column("training_epochs", "number of epochs of its training; empty if it is not known", COUNT),
        Column("<test set>_accuracy", "top-1 accuracy on all images of the test set", FRACTION),
        *ends("<test set>_accuracy", "Wilson"),
        Column("clean_on_<further>_accuracy", "accuracy on the clean images of the classes of that test set", FRACTION),
        *ends("clean_on_<further>_accuracy", "Wilson"),
        Column(
            "corrupted_error", "top-1 error, mean over corruptions and severities; extra ones do not count", FRACTION
        ),
        *ends("corrupted_error", "bootstrap over units of images; Wilson if fewer than 10 are wrong, or right"),
        Column(
            "shifted_error",
            "top-1 error, mean over the test sets of `statistics.robustness`; only in studies that name some",
            FRACTION,
        ),
        Column(
            "mce",
            "mCE: error relative to that of the baseline, mean over corruptions; extra ones do not count",
            number("0 or more; 1: the baseline", 0),
        ),
        *ends("mce", "bootstrap over units of images", number("0 or more; may be infinite", 0)),
        Column(
            "relative_mce",
            "the same for the errors in excess of the clean error",
            number("any number; 1: the baseline"),
        ),
        Column(
            "mce_undefined_under",
            "corruptions under which the error of the baseline is 0, or has a relative standard error above 30 %",
            text("names, separated by spaces"),
        ),
        Column(
            "relative_mce_undefined_under",
            "the same for the loss of the baseline, by which relative mCE divides",
            text("names, separated by spaces"),
        ),
        CONFIDENCE,
        Column("<images>_nll", "negative log-likelihood of the labels, mean over images", NATS),
        Column("<images>_brier", "Brier score, summed over classes, mean over images", number("0 to 2", 0, 2)),
        Column(
            "<images>_ece",
            "expected calibration error, 15 bins of equal width; `corrupted`: mean over conditions, each by itself",
            FRACTION,
        ),
        Column(
            "warnings",
            "why the figures of this member say little",
            text(
                "`near chance`, `few optimisation steps`, `few test images`, `same answers as <member>`, "
                "`still learning` (joint training); may be several"
            ),
        ),
    ],
    published=True,
)

ERRORS = Table(
    "tables/corruption_errors.csv",
    "Error under each corruption",
    "Members",
    "Top-1 error of each member under each corruption and severity, and on each further test set.",
    "member and condition",
    [
        Column("member", "name of the member", NAME),
        Column("test_set", "`clean` (which alone has corruptions) or a further test set", NAME),
        Column("corruption", "corruption; `clean` for none", NAME),
        Column("severity", "severity of the corruption; 0 for none", whole("0 to 5", 0, 5)),
        Column("images", "number of images; 0 where it is not known", COUNT),
        Column("error", "top-1 error", FRACTION),
    ],
    published=True,
)

HISTORIES = Table(
    "tables/histories.csv",
    "Learning curves",
    "Members",
    "Loss and validation accuracy of each training.",
    "member and epoch",
    [
        Column("member", "name of the member", NAME),
        Column("design", "its design", NAME),
        Column("family", "its family", NAME),
        Column("origin", "how it was made", one_of("independent", "joint")),
        *JOINT,
        Column("epoch", "passes over the training images so far", FROM_1),
        Column("learning_rate", "learning rate at the start of the epoch", MORE),
        Column(
            "training_loss",
            "training loss, mean over the steps of the epoch",
            number("nats; joint objectives may be negative"),
        ),
        Column("validation_accuracy", "validation accuracy; of jointly trained members, their mean", FRACTION),
    ],
    needs=frozenset({"networks"}),
)

CALIBRATION = Table(
    "tables/calibration.csv",
    "Calibration",
    "Members",
    "Confidence against accuracy of each member.",
    "member, set of images and bin of confidence that holds predictions",
    [
        Column("member", "name of the member", NAME),
        Column("images", "`clean`, `corrupted` (all corrupted conditions pooled) or a further test set", NAME),
        *BINS,
    ],
    needs=frozenset({"probabilities"}),
)

ROBUSTNESS = Table(
    "tables/effective_robustness.csv",
    "Effective robustness",
    "Members",
    "Accuracy of each member on corrupted images and further test sets, minus what its clean accuracy predicts.",
    "shifted set of images and member that is not trained jointly",
    [
        Column("member", "name of the member", NAME),
        Column("family", "its family", NAME),
        Column("recipe", "its recipe, as in members.csv", NAME),
        Column("is_reference", "whether the line is fitted to it (`statistics.reference`)", FLAG),
        Column("test_set", "`corrupted` or a further test set", NAME),
        Column("clean_accuracy", "accuracy on clean images, of the classes of the test set", FRACTION),
        Column("accuracy", "accuracy on the shifted images", FRACTION),
        *ends("", "Wilson; on corrupted images bootstrap over units of images"),
        Column("predicted_accuracy", "accuracy that the line predicts from the clean accuracy", FRACTION),
        Column(
            "effective_robustness",
            "accuracy minus predicted accuracy; without `statistics.reference` a residual from the study's own line",
            DIFFERENCE,
        ),
        Column("slope", "slope of the line between the logits of both accuracies", ANY),
        Column("intercept", "its intercept", ANY),
        Column("r_squared", "share of the variance of the logits that it explains; empty for two members", FRACTION),
        Column("reference_members", "number of members that it is fitted to", COUNT),
    ],
    needs=frozenset({"shifts"}),
    published=True,
)

SKIPPED = Table(
    "tables/skipped.csv",
    "What was left out",
    "Members",
    "What was left out, for which members, and why.",
    "member and what was left out",
    [
        Column("member", "name of the member; empty for the study as a whole", NAME),
        Column("skipped", "what was left out: a method, a table or a stage", NAME),
        Column("reason", "why", NAME),
    ],
    published=True,
)

EVALUATIONS = Table(
    "search/evaluations.csv",
    "Sub-networks of the architecture search",
    "Members",
    "Every sub-network that the search evaluated.",
    "sub-network",
    [
        Column("evaluation", "number, in the order of evaluation", FROM_0),
        Column("layers", "blocks of each stage", text("whole numbers, separated by spaces")),
        Column("channels", "channels of each stage", text("whole numbers, separated by spaces")),
        Column("macs", "multiply–accumulate operations", MACS),
        Column("validation_error", "top-1 error on the validation images", FRACTION),
        Column("front", "whether none has a lower error or fewer MACs without being worse in the other", FLAG),
        Column("member", "name of the member that it became; else empty", NAME),
    ],
    needs=frozenset({"search"}),
)

CONDITIONS = Table(
    "conditions.csv",
    "Conditions",
    "Members",
    "The order of the conditions in all arrays of predictions.",
    "condition",
    [
        Column("condition", "position", FROM_0),
        Column("test_set", "`clean` or a further test set", NAME),
        Column("corruption", "corruption; `clean` for none", NAME),
        Column("severity", "severity; 0 for none", whole("0 to 5", 0, 5)),
        Column("images", "number of images", COUNT),
        Column("classes", "number of classes that members choose among", COUNT),
    ],
)
