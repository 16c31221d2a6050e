"""Tables about ensembles and those to deploy, column by column."""

from resiliency.tables.record import (
    CONFIDENCE,
    COUNT,
    DIFFERENCE,
    DIVERSITY,
    FLAG,
    FRACTION,
    FROM_0,
    FROM_1,
    JOINED,
    JOINT,
    MACS,
    MEMBER_ORIGINS,
    MORE,
    NAME,
    NATS,
    OF_SEVERAL,
    RULE,
    SIZE,
    Column,
    Table,
    ends,
    number,
    one_of,
    text,
    whole,
)

ENSEMBLES = Table(
    "tables/ensembles.parquet",
    "All ensembles",
    "Ensembles",
    "Accuracy, corrupted error and diversity of each ensemble under each combination rule.",
    "ensemble and combination rule",
    [
        Column("ensemble", "number of the ensemble, the same under all rules", FROM_0),
        Column("origin", "where the members come from", one_of(*MEMBER_ORIGINS)),
        *JOINT,
        OF_SEVERAL,
        Column("possible", "number of ensembles that can be formed of the members at this size", COUNT),
        Column(
            "weight",
            "number of possible ensembles that this one represents, if they are sampled",
            number("1 or more", 1),
        ),
        JOINED,
        Column("designs", "number of different designs among the members", number("1 to `size`", 1)),
        Column("families", "number of different families among the members", number("1 to `size`", 1)),
        Column("parameters", "parameters of all members", COUNT),
        Column("macs", "multiply–accumulate operations of all members", MACS),
        Column("mean_member_<images>_accuracy", "accuracy of the members, mean over them", FRACTION),
        Column(
            "<pair metric>_<images>",
            "diversity, mean over the pairs of members; of attributions and activations on clean images alone",
            DIVERSITY,
        ),
        Column(
            "<pair metric>_<images>_pairs",
            "number of pairs in that mean; only where some pair of the pool has no value",
            COUNT,
        ),
        Column("<images>_oracle", "share of images that at least one member gets right", FRACTION),
        Column("<ensemble metric>_<images>", "diversity of the ensemble", DIVERSITY),
        Column(
            "<ensemble metric>_<images>_raw", "the same as the literature defines it", number("range of the metric")
        ),
        RULE,
        Column("<images>_accuracy", "top-1 accuracy of the ensemble", FRACTION),
        *ends("<test set>_accuracy", "Wilson"),
        Column("clean_on_<further>_accuracy", "accuracy on the clean images of the classes of that test set", FRACTION),
        Column(
            "corrupted_error", "top-1 error, mean over corruptions and severities; extra ones do not count", FRACTION
        ),
        Column("mce", "mCE relative to the baseline of the study", number("0 or more; 1: the baseline", 0)),
        Column("<images>_nll", "negative log-likelihood, mean over images", NATS),
        Column("<images>_brier", "Brier score, summed over classes", number("0 to 2", 0, 2)),
        Column(
            "<images>_ece",
            "expected calibration error, 15 bins of equal width; `corrupted`: mean over conditions, each by itself",
            FRACTION,
        ),
        Column("error_<corruption>", "top-1 error under the corruption, mean over severities", FRACTION),
        Column("mce_undefined_under", "as in members.csv", text("names, separated by spaces")),
    ],
    needs=frozenset({"ensembles"}),
)

BEST = Table(
    "tables/best_ensembles.csv",
    "Most accurate ensembles",
    "Ensembles",
    "The ten most accurate ensembles of each size on clean images, and members; without those trained jointly.",
    "ensemble, or member (size 1)",
    [
        SIZE,
        Column("rank", "rank by clean accuracy in its size, then by corrupted error", whole("1 to 10", 1, 10)),
        JOINED,
        Column("ensembles", "number of ensembles of this size among which these are the best", COUNT),
        Column("origin", "where the members come from", one_of("independent", "search")),
        Column(
            "corrupted_error", "top-1 error, mean over corruptions and severities; extra ones do not count", FRACTION
        ),
        Column(
            "<test set>_accuracy",
            "top-1 accuracy; on `clean` images, by which they were chosen, it is optimistic",
            FRACTION,
        ),
        *ends("<test set>_accuracy", "Wilson, as if the ensemble had not been chosen"),
    ],
    needs=frozenset({"ensembles"}),
    published=True,
)

CHOSEN = "on the half of the test images used for choosing"
JUDGED = "on the other half"
BEHIND = number("−1 to 1; cost: any number")
LATENCY_ONLY = "; only if `deployment.cheapest_by` is `latency`"

LATENCIES = Table(
    "tables/latencies.csv",
    "Latency of members",
    "Deployment",
    "How long the exported program of each network takes for one image on the CPU; a round times every program once.",
    "member that is a network",
    [
        Column("member", "name of the member", NAME),
        Column("measured", "member whose program was timed: the first of the same design and size", NAME),
        Column("threads", "number of threads of onnxruntime", FROM_1),
        Column("rounds", "number of rounds", FROM_1),
        Column("median_ms", "milliseconds for one image, median over rounds", MORE),
        Column("low_ms", "lower quartile", MORE),
        Column("high_ms", "upper quartile", MORE),
        Column("machine", "processor and operating system", NAME),
    ],
    needs=frozenset({"corruptions", "ensembles", "images", "networks", "latency"}),
)

DEPLOYMENT = Table(
    "tables/deployment.csv",
    "Ensembles to deploy",
    "Deployment",
    "Which ensemble to deploy: chosen on half of the test images, evaluated on the other half.",
    "single member, greedy ensemble, ensemble on a front of error against MACs or parameters, best of origin or size",
    [
        Column("number", "number by which `snakemake export` takes the row", FROM_1),
        Column(
            "found",
            "where the ensemble comes from",
            one_of("single", "scored", "greedy", words="`single`, `scored` (all ensembles of the study) or `greedy`"),
        ),
        JOINED,
        Column("origin", "origins of the members, joined by `+`", NAME),
        SIZE,
        RULE,
        Column("macs", "multiply–accumulate operations of all members", MACS),
        Column("parameters", "parameters of all members", COUNT),
        Column(
            "front_macs",
            "whether it is `fit`, and no other fit candidate has as small a `selection_error` for no more MACs",
            FLAG,
        ),
        Column("front_parameters", "the same for parameters", FLAG),
        Column(
            "fit",
            "whether no member is near chance or far below the others, and the row is within `deployment.limits`; only "
            "such rows are recommended",
            FLAG,
        ),
        Column(
            "instead",
            "number of the row to deploy in place of this one: the cheapest with no more members that is shown to be "
            "worse by at most `margin`",
            FROM_1,
        ),
        Column(
            "margin", "how much larger than this `selection_error` that of a cheaper row may be", number("0 or more", 0)
        ),
        Column(
            "images_needed",
            "number of images used for choosing with which a cheaper row would be within the margin, if differences "
            "stay; empty if one is, or none can be",
            MORE,
        ),
        Column("behind", "`selection_error` minus the smallest of fit rows", BEHIND),
        *ends(
            "behind",
            "one-sided, simultaneous for all candidates, as long on either side; by bootstrap over units of images",
            BEHIND,
        ),
        Column("baseline", "whether this is the baseline of the study", FLAG),
        Column(
            "selection_error",
            f"the error, or if `objective` is `cost` the mean cost of an answer, by which it was chosen, {CHOSEN}",
            number("0 to 1; cost: 0 or more", 0),
        ),
        Column("corrupted_error", f"corrupted error {JUDGED}", FRACTION),
        *ends("", "bootstrap over units of images"),
        CONFIDENCE,
        Column(
            "optimism",
            "how much smaller the error was when it was chosen, beyond the mean difference of the halves",
            DIFFERENCE,
        ),
        Column("clean_accuracy", f"accuracy on clean images {JUDGED}", FRACTION),
        Column("selection_images", "number of images used for choosing", COUNT),
        Column("images", "number of images used for judging", COUNT),
        Column(
            "objective",
            "the error that ensembles were chosen by, or their cost",
            one_of("mean", "worst_condition", "quantile", "cost"),
        ),
        Column("worst_corruption", f"corruption under which the error is largest {CHOSEN}", NAME),
        Column("worst_severity", "its severity", whole("1 to 5", 1, 5)),
        Column("worst_error", f"error under it {JUDGED}", FRACTION),
        *ends("worst_error", "bootstrap over units of images"),
        Column("worst_class", f"position of the class with the largest corrupted error {CHOSEN}", FROM_0),
        Column("worst_class_error", f"corrupted error of that class {JUDGED}", FRACTION),
        *ends("worst_class_error", "bootstrap over units of images"),
        Column("quantile", "which quantile of the errors follows (`deployment.quantile`)", FRACTION),
        Column(
            "quantile_error",
            f"that quantile of the errors under the corruptions and severities of the corrupted error {JUDGED}",
            FRACTION,
        ),
        *ends("quantile_error", "bootstrap over units of images"),
        Column(
            "clean_effective_images",
            "number of independent images that would give `clean_accuracy` its variance, or fewer if few units are "
            "wrong; only if units of test images have several",
            MORE,
        ),
        Column("latency_ms", f"sum of `median_ms` of the members in latencies.csv{LATENCY_ONLY}", MORE),
        Column("front_latency_ms", f"as `front_macs`, for this latency{LATENCY_ONLY}", FLAG),
        *(
            Column(f"limit_{key}", f"`deployment.limits.{key}`; only if it is set", values)
            for key, values in (("members", FROM_1), ("macs", MORE), ("milliseconds", MORE))
        ),
        Column("cost", f"mean cost of an answer to a corrupted image {JUDGED}; only if `objective` is `cost`", MORE),
        *ends(
            "cost", "bootstrap over units of images; up to Wilson's share of 0 of the largest cost if none occurs", MORE
        ),
        Column(
            "<further>_accuracy",
            "accuracy on all images of a further test set, none of which was used for choosing",
            FRACTION,
        ),
        *ends("<further>_accuracy", "Wilson"),
    ],
    needs=frozenset({"corruptions", "ensembles", "images"}),
    published=True,
)

ASSESSED = [JOINED, SIZE, RULE]
IMAGES = Column("images", "`clean`, `corrupted` and `held_out` (all conditions together) or a further test set", NAME)

SELECTIVE = Table(
    "tables/selective_prediction.csv",
    "Risk and coverage",
    "Deployment",
    "How the errors of the ensembles of deployment.csv fall if they abstain where they are least confident.",
    "ensemble, set of images and score of confidence",
    [
        *ASSESSED,
        IMAGES,
        Column("answers", "number of answers: images times conditions", COUNT),
        Column("error", "share of wrong answers without abstention", FRACTION),
        Column(
            "score", "score of confidence", one_of("max_probability", "entropy", "mutual_information", "vote_agreement")
        ),
        Column("aurc", "area under the curve of risk over coverage", FRACTION),
        *ends("aurc", "bootstrap over units of images"),
        *(
            column
            for coverage in (80, 90, 95)
            for column in (
                Column(
                    f"error_at_{coverage}", f"share of wrong answers among the {coverage} % most confident", FRACTION
                ),
                *ends(f"error_at_{coverage}", "bootstrap over units of images"),
            )
        ),
        Column("auroc", "probability that a right answer is more confident than a wrong one", FRACTION),
        *ends("auroc", "bootstrap over units of images"),
        Column("fpr_at_95", "share of the wrong answers accepted where 95 % of the right ones are", FRACTION),
        *ends("fpr_at_95", "bootstrap over units of images"),
        Column(
            "aurc_difference",
            "AURC minus that of `max_probability`; negative where the score serves better",
            DIFFERENCE,
        ),
        *ends("aurc_difference", "bootstrap over units of images, corrected for the number of scores", DIFFERENCE),
        CONFIDENCE,
    ],
    needs=frozenset({"corruptions", "ensembles", "images"}),
    published=True,
)

TEMPERATURES = Table(
    "tables/temperatures.csv",
    "Temperature scaling",
    "Deployment",
    "Calibration of the ensembles of deployment.csv before and after temperature scaling.",
    "ensemble and set of images",
    [
        *ASSESSED,
        Column(
            "temperature", "temperature of the probabilities; empty where none could be fitted", number("above 0", 0)
        ),
        Column(
            "fitted_on",
            "images that it was fitted on: `validation` ones; or, if fewer than 10 of these are answered wrongly, "
            "`corrupted` ones of the half used for choosing",
            one_of("validation", "corrupted"),
        ),
        Column("fitted_images", "number of images that it was fitted on", COUNT),
        Column("note", "why no temperature was fitted, or not on validation images, or a caution", NAME),
        IMAGES,
        *(
            column
            for name, words, unit, change in (
                ("nll", "negative log-likelihood", NATS, number("nats")),
                ("ece", "expected calibration error, 15 bins", FRACTION, DIFFERENCE),
                ("brier", "Brier score", number("0 to 2", 0, 2), number("−2 to 2", -2, 2)),
            )
            for column in (
                Column(f"{name}_before", f"{words} before scaling", unit),
                Column(f"{name}_after", "the same after it", unit),
                *ends(f"{name}_after", "bootstrap over units of images", unit),
                Column(f"{name}_change", "after minus before", change),
                *ends(f"{name}_change", "bootstrap over units of images", change),
                Column(
                    f"{name}_difference",
                    "after minus that of the best single member after its scaling; empty in the rows of that member",
                    change,
                ),
                *ends(
                    f"{name}_difference", "bootstrap over units of images, corrected for the number of measures", change
                ),
            )
        ),
        CONFIDENCE,
    ],
    needs=frozenset({"corruptions", "ensembles", "images"}),
    published=True,
)

THRESHOLDS = Table(
    "tables/thresholds.csv",
    "Thresholds for abstaining",
    "Deployment",
    "Thresholds of the maximum probability for target coverages and errors, and what they give on other images.",
    "ensemble, kind of images that the threshold is chosen on, target and set of images that it is tried on",
    [
        *ASSESSED,
        Column(
            "basis",
            "test images that the threshold is chosen on, from the half used for choosing",
            one_of("clean", "corrupted"),
        ),
        Column(
            "goal",
            "whether the target is a least coverage or a largest share of wrong answers",
            one_of("coverage", "wrong"),
        ),
        Column("target", "coverage, or wrong answers as a share of all images", FRACTION),
        Column(
            "threshold",
            "maximum probability, at the temperature, below which to abstain, with six decimals; 2: abstain on every "
            "image; empty if there are too few images",
            number("0 to 1, or 2", 0, 2),
        ),
        Column("selection_images", "number of images that the threshold is chosen on", COUNT),
        IMAGES,
        *(
            column
            for name, words in (
                ("coverage", "share of answers that are given"),
                ("error", "share of wrong answers among those given"),
                ("wrong", "share of images that are answered wrongly"),
            )
            for column in (
                Column(name, f"{words}, {JUDGED}", FRACTION),
                *ends(name, "Wilson; of corrupted images by bootstrap over units of images"),
            )
        ),
        Column(
            "left_out_wrong",
            f"largest share of images under one corruption that are answered wrongly, {JUDGED}, at a threshold chosen "
            "without that corruption; only where `basis` and `images` are `corrupted`",
            FRACTION,
        ),
        *ends("left_out_wrong", "bootstrap over units of images, corrected for the number of corruptions"),
        Column("left_out_corruption", "that corruption", NAME),
        CONFIDENCE,
    ],
    needs=frozenset({"corruptions", "ensembles", "images"}),
    published=True,
)
