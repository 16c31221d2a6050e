"""Tables about ensembles, column by column."""

from resiliency.tables.record import (
    CONFIDENCE,
    COUNT,
    DIFFERENCE,
    DIVERSITY,
    FRACTION,
    FROM_0,
    JOINED,
    JOINT,
    MACS,
    MEMBER_ORIGINS,
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
            "corrupted_error", "top-1 error, mean over corruptions and severities; held-out ones do not count", FRACTION
        ),
        Column("mce", "mCE relative to the baseline of the study", number("0 or more; 1: the baseline", 0)),
        Column("<images>_nll", "negative log-likelihood, mean over images", NATS),
        Column("<images>_brier", "Brier score, summed over classes", number("0 to 2", 0, 2)),
        Column("<images>_ece", "expected calibration error, 15 bins of equal width", FRACTION),
        Column("error_<corruption>", "top-1 error under the corruption, mean over severities", FRACTION),
        Column("mce_undefined_under", "as in members.csv", text("names, separated by spaces")),
    ],
    needs=frozenset({"ensembles"}),
)

BEST = Table(
    "tables/best_ensembles.csv",
    "Most accurate ensembles",
    "Ensembles",
    "The ten most accurate ensembles of each size on clean images, and the ten most accurate members.",
    "ensemble, or member (size 1)",
    [
        SIZE,
        Column("rank", "rank by clean accuracy in its size, then by corrupted error", whole("1 to 10", 1, 10)),
        JOINED,
        Column("ensembles", "number of ensembles of this size that were scored", COUNT),
        Column("origin", "where the members come from", one_of("independent", "search")),
        Column(
            "corrupted_error", "top-1 error, mean over corruptions and severities; held-out ones do not count", FRACTION
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

CHOSEN_BY_CLEAN_ERROR = Table(
    "tables/chosen_ensembles.csv",
    "Ensembles chosen by clean error",
    "Ensembles",
    "The ensemble of each size with the least clean error on one half of the images, evaluated on other images.",
    "number of members; ensembles of independent members only",
    [
        SIZE,
        JOINED,
        Column("of", "number of members, or ensembles of this size, that it was chosen among", COUNT),
        Column(
            "found",
            "`single`: a member; `scored`: the best of all scored; `greedy`: the next smaller one with "
            "the member that helps it most",
            one_of("single", "scored", "greedy"),
        ),
        Column("selection_accuracy", "accuracy on the clean images of the choice", FRACTION),
        Column(
            "optimism",
            "`selection_accuracy` minus `clean_accuracy`, minus the mean of this difference over members",
            DIFFERENCE,
        ),
        Column(
            "<test set>_accuracy",
            "accuracy; `clean`: on the images not used for the choice; others: on all their images",
            FRACTION,
        ),
        *ends("<test set>_accuracy", "Wilson"),
        Column("selection_images", "number of clean images of the choice", COUNT),
        Column("images", "number of clean images of the evaluation", COUNT),
        CONFIDENCE,
    ],
    needs=frozenset({"ensembles", "images"}),
    published=True,
)
