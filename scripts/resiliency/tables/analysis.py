"""Tables of statistics over members and ensembles, column by column."""

from resiliency.tables.record import (
    ANY,
    CONFIDENCE,
    COUNT,
    DIFFERENCE,
    FLAG,
    FRACTION,
    FROM_1,
    MORE,
    NAME,
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

GROUP = [
    RULE,
    OF_SEVERAL,
    Column("condition", "images of the accuracy: `clean`, `corrupted`, a further test set or one corruption", NAME),
    Column(
        "measure",
        "measure of correlation; `partial` is Pearson's, given the mean accuracy of the members",
        one_of("pearson", "spearman", "partial"),
    ),
]
VERDICTS = one_of(
    "supported",
    "supported in part",
    "contradicted",
    "no practical difference",
    "no better than noise",
    "undecided",
    "not tested",
)
P_VALUES = [
    Column("p_value", "p-value of the hypothesis that the value is 0", FRACTION),
    Column(
        "p_holm", "p-value after Holm's correction for all rows of the same rule, size, condition and measure", FRACTION
    ),
    Column("members", "number of members behind it", COUNT),
    Column("units", "number of designs (or, beyond 200, groups; of a single design, seeds) left out in turn", COUNT),
]

CORRELATIONS = Table(
    "tables/correlations.csv",
    "Correlation with accuracy",
    "Diversity",
    "Correlation of each diversity with the accuracy of ensembles, with intervals and corrected p-values.",
    "rule, size, condition, measure and metric; ensembles of independent members only",
    [
        *GROUP,
        Column("kind", "kind of the diversity", one_of("prediction", "attribution", "activation")),
        Column("metric", "diversity metric", NAME),
        Column("correlation", "correlation of the diversity with the accuracy, over ensembles", DIFFERENCE),
        *ends("", "jackknife over designs, each with all its seeds", DIFFERENCE),
        CONFIDENCE,
        *P_VALUES,
        Column("ensembles", "number of ensembles that have the metric", COUNT),
        Column("possible", "number of ensembles that can be formed at this size", COUNT),
    ],
    needs=frozenset({"ensembles"}),
    published=True,
)

DIFFERENCES = Table(
    "tables/correlation_differences.csv",
    "Attribution less prediction diversity",
    "Diversity",
    "Correlation of each attribution diversity with accuracy, minus that of each prediction diversity.",
    "rule, size, condition and pair of metrics",
    [
        *GROUP[:3],
        Column("measure", "measure of correlation", one_of("pearson")),
        Column("attribution", "metric of attributions", NAME),
        Column("prediction", "metric of predictions", NAME),
        Column("difference", "difference of the two correlations", number("−2 to 2", -2, 2)),
        *ends("", "jackknife over designs, each with all its seeds", ANY),
        CONFIDENCE,
        *P_VALUES,
    ],
    needs=frozenset({"ensembles", "networks"}),
)

OBSERVATIONS = Table(
    "tables/observations.csv",
    "The four observations",
    "Observations",
    "The four observations of the paper: statistics, intervals, rules and verdicts.",
    "statistic; those without `part_verdict` are shown for information and decide nothing",
    [
        Column("observation", "the observation or its part", one_of("1a", "1b", "2", "3", "4")),
        Column("statement", "the statement of the paper", NAME),
        Column("verdict", "verdict on the observation", VERDICTS),
        Column("part", "what is compared", NAME),
        Column("statistic", "what is measured", NAME),
        Column("estimate", "the statistic", number("in units of `statistic`")),
        *ends(
            "",
            "its ends are the one-sided bounds, or lie further out for a Cliff's delta beyond ±0.75",
            number("in units of `statistic`"),
        ),
        Column("confidence", "nominal coverage of the interval: 0.9 where one-sided bounds are at 0.95", FRACTION),
        Column(
            "opposite_bound",
            "bound, corrected for the number of parts, that contradicts the statement if it is beyond 0",
            number("in units of `statistic`"),
        ),
        Column("margin", "distance from 0 within which a difference counts as none", number("in units of `statistic`")),
        Column(
            "least",
            "smallest effect of interest: what the statistic must exceed to support the statement, mostly 0",
            number("in units of `statistic`"),
        ),
        Column(
            "placebo_low",
            "lower end of the range of the negative control: 90% of its draws lie within, 5% below it",
            number("in units of `statistic`"),
        ),
        Column("placebo_high", "upper end of this range, above which 5% lie", number("in units of `statistic`")),
        Column("placebo_supported", "share of the negative control's draws that the whole rule supports", FRACTION),
        Column("placebo", "what the negative control is, in words", NAME),
        Column(
            "difference_of_means",
            "for an effect size, the difference of means behind it",
            number("in units of the metric"),
        ),
        Column("side", "side of 0 on which statistics support the statement", one_of("above", "below")),
        Column("rule", "the rule of the verdict, in words", NAME),
        Column("missing_requirements", "what the study lacks for a verdict, or leaves out", NAME),
        Column(
            "part_verdict",
            "verdict on this part alone",
            VERDICTS._replace(words="as `verdict`; empty if it decides nothing"),
        ),
        Column(
            "leans",
            "side of 0, by a one-sided bound, of another reading that is shown for information",
            one_of("for", "against"),
        ),
        Column("reading", "how this reading differs from the part that decides", NAME),
        Column("metrics", "kind of the diversity metrics that are compared", one_of("label-free", "label-based")),
        Column(
            "shifts",
            "test sets, joined by `+`, on whose mean error the statistic is, in place of the paper's corruptions "
            "(`statistics.robustness`)",
            NAME,
        ),
        Column("sample_size_needed", "how many units would decide an observation that is undecided, in words", NAME),
        Column("unit", "what is left out in turn, or is the sample", one_of("families", "designs", "seeds")),
        Column("units", "number of these units", COUNT),
        Column("units_needed", "units for 80 % power if the estimates are right", COUNT),
        Column("influential", "unit without which the statistic differs most", NAME),
        Column("without_it", "the statistic without that unit", number("in units of `statistic`")),
        Column("resampled", "what the intervals allow for, in words", NAME),
        Column(
            "image_share",
            "share of the squared standard error that is variance over images; empty if images are treated as fixed",
            FRACTION,
        ),
        Column("designs", "number of designs behind the statistic", COUNT),
        Column("members", "number of members behind it", COUNT),
        Column("ensembles", "number of ensembles behind it", COUNT),
        Column("sampled", "whether these ensembles are a sample of those possible", FLAG),
        Column("images", "number of images behind it", COUNT),
        Column("rules", "day on which the rules of the verdicts were fixed", NAME),
    ],
    published=True,
)

POINTS = number("percentage points")
EXCHANGE_RATES = Table(
    "tables/exchange_rates.csv",
    "What buys robustness",
    "Observations",
    "Percentage points of error that families, sizes, training, seeds and ensembles each buy, and what they cost.",
    "exchange: something that may lower the error; those that the study allows",
    [
        Column(
            "exchange",
            "what lowers the error",
            one_of(
                *("family", "best_to_worst_family", "family_at_equal_accuracy", "doubling_of_parameters"),
                *("doubling_of_training", "point_of_clean_accuracy", "another_seed", "second_member", "third_member"),
                *("two_more_members", "mixing_designs", "mixing_families", "joint_training"),
            ),
        ),
        Column("points", "by how much it lowers the error; below 0 where it raises it", POINTS),
        *ends("points", "over the units of `unit`, and images where they can be left out", POINTS),
        Column("unit", "what the interval takes for a sample of all others", one_of("families", "designs", "seeds")),
        Column("units", "number of these units", COUNT),
        Column("inference_cost", "MACs with it divided by MACs without it; empty where that is open", MORE),
        Column("training_cost", "the same of the computation of training", MORE),
        Column("designs", "number of designs behind the estimate", COUNT),
        Column("members", "number of members behind it", COUNT),
        Column("ensembles", "number of ensembles behind it; 0 for single members", COUNT),
        Column(
            "spread",
            "whether it is a standard deviation, or a range, without what noise adds; its interval begins at 0 if it "
            "is no more than noise",
            FLAG,
        ),
        Column("images", "images of the error: `corrupted`, or further test sets in their place, joined by `+`", NAME),
        CONFIDENCE,
    ],
    needs=frozenset({"images", "robustness"}),
    published=True,
)

FAILURES = Table(
    "tables/coincident_failures.csv",
    "Coincident failures",
    "Diversity",
    "How often members of one design, and of two, fail on the same image, against independence.",
    "set of images and pair of designs, or design with two members or more",
    [
        Column("corruption", "`clean`, a corruption, `corrupted` (their mean) or a further test set", NAME),
        Column("first", "a design", NAME),
        Column("second", "another design, or the same", NAME),
        Column("failure_first", "error rate of the first design, mean over its members", FRACTION),
        Column("failure_second", "error rate of the second", FRACTION),
        Column("joint_failure_rate", "rate at which two different members, one of each, both fail", FRACTION),
        Column("independent", "rate at which they would if failures were independent", FRACTION),
        Column(
            "covariance",
            "covariance (of one design: variance) of the failure probability over images, unbiased",
            number("−0.25 to 0.25", -0.25, 0.25),
        ),
        *ends("", "bootstrap over units of images", number("−0.25 to 0.25", -0.25, 0.25)),
        CONFIDENCE,
        Column("members", "number of members of the two designs", COUNT),
        Column("images", "number of images", COUNT),
    ],
    needs=frozenset({"ensembles", "images"}),
)

CEILING = Table(
    "tables/ceiling.csv",
    "Ceiling of any choice among members",
    "Ensembles",
    "How often members all fail on the same image, which bounds any vote, and what is reached of that.",
    "condition, or `corrupted`, and number of members drawn",
    [
        Column("condition", "`clean`, a corruption, a further test set, or `corrupted` (mean over corruptions)", NAME),
        Column("severity", "severity; 0 without corruption, empty for the mean", whole("0 to 5", 0, 5)),
        SIZE._replace(meaning="number k of members drawn of all"),
        Column("members", "number of members in the pool: independent, as ensembles are formed of them", COUNT),
        Column("images", "number of images", COUNT),
        Column("all_wrong", "share of images that all k members get wrong, mean over all sets of k members", FRACTION),
        *ends(
            "all_wrong", "Wilson, with the variance over images; of few units, the upper end is at least that of none"
        ),
        *ends("members", "of `all_wrong` for other members: jackknife over designs, with the same images"),
        Column("independent", "mean over sets of k members of the product of their error rates", FRACTION),
        Column("times_independent", "`all_wrong` divided by `independent`", MORE),
        Column("same_wrong", "if k members are all wrong, how often they all give the same answer", FRACTION),
        Column(
            "best_member",
            "member that deployment.csv would select of the pool; k = all under corruptions only, as all that follow",
            NAME,
        ),
        Column("best_member_accuracy", "its accuracy on images not used for the choice", FRACTION),
        Column("best_ensemble", "ensemble of the pool that is selected likewise, of all that were formed", NAME),
        Column("best_ensemble_accuracy", "its accuracy on images not used for the choice", FRACTION),
        Column("ceiling", "1 − share of the same images that all members get wrong", FRACTION),
        Column("reached", "how far the ensemble comes from the member to the ceiling, as a share of the way", ANY),
        *ends("reached", "over images, linearised, paired; at least Wilson's of those that differ", ANY),
        CONFIDENCE,
    ],
    needs=frozenset({"ensembles", "images"}),
    published=True,
)

RANKS = Table(
    "tables/member_ranks.csv",
    "Ranks of members",
    "Members",
    "Members by their error on each set of images, with intervals of ranks, and each compared with the next.",
    "set of images and member",
    [
        Column("condition", "`clean`, `corrupted` (mean over corruptions and severities) or a further test set", NAME),
        Column("member", "name of the member", NAME),
        Column("rank", "rank by error; 1 is the smallest; equal ones in the order of members.csv", FROM_1),
        *ends("rank", "simultaneous for all differences to other members; normal, paired over units of images", FROM_1),
        Column("error", "top-1 error", FRACTION),
        Column("next_difference", "error of the next member minus this error", DIFFERENCE),
        *ends("next", "of the difference; normal, paired over images; Wilson if none differs", DIFFERENCE),
        Column(
            "images_needed",
            "images that would tell the two apart with probability 0.8, if they differ as estimated",
            COUNT,
        ),
        Column("images", "number of images", COUNT),
        CONFIDENCE,
    ],
    needs=frozenset({"ensembles", "images"}),
    published=True,
)

DISTANCES = Table(
    "tables/attribution_distances.csv",
    "Distances of attribution maps",
    "Diversity",
    "Distance between the attribution maps of members of different families, clean and corrupted.",
    "set of images and pair of members",
    [
        Column("images", "`clean` or `corrupted` (by the corruption and severity named)", NAME),
        Column("first", "a member", NAME),
        Column("second", "another member", NAME),
        Column("distance", "1 − cosine similarity of the maps, mean over images", number("0 to 2", 0, 2)),
        Column("method", "attribution method: the first of the study", NAME),
        Column("corruption", "corruption of the corrupted images", NAME),
        Column("severity", "its severity", whole("1 to 5", 1, 5)),
        Column("probes", "number of images", COUNT),
    ],
    needs=frozenset({"networks"}),
)

ORIGINS = Table(
    "tables/origins.csv",
    "Origin of the members",
    "Ensembles",
    "Ensembles by the origin of their members, at equal size and at equal MACs; the gain of several architectures.",
    "rule, class of alike ensembles, origin and measure",
    [
        RULE,
        Column("matched_on", "what the ensembles of a class have in common", one_of("size", "macs")),
        Column("bin_start", "size, or lower limit of the MACs of all members", COUNT),
        Column("bin_end", "size, or the limit that the MACs stay below (twice the lower one)", COUNT),
        Column(
            "origin",
            "where the members come from",
            text(
                "`one` or `several architectures` (each member of another) or `families`, "
                "`sub-networks of a search`, `joint training` (at a weight above 0)"
            ),
        ),
        Column("measure", "a column of ensembles.parquet", NAME),
        Column("ensembles", "number of ensembles with that measure", COUNT),
        Column("mean", "mean of the measure over these ensembles", number("unit of the measure")),
        *ends("", "jackknife over designs, sub-networks or jointly trained ensembles", number("unit of the measure")),
        Column("lower_quartile", "lower quartile over the ensembles", number("unit of the measure")),
        Column("upper_quartile", "upper quartile", number("unit of the measure")),
        Column(
            "advantage",
            "of several architectures: their mean minus that of one architecture in the same class, over the designs "
            "that occur on both sides, each with equal weight on both",
            number("unit of the measure"),
        ),
        *ends("advantage", "jackknife over designs", number("unit of the measure")),
        CONFIDENCE,
    ],
    needs=frozenset({"ensembles"}),
    published=True,
)

SIZES = Table(
    "tables/ensemble_sizes.csv",
    "Number of members",
    "Ensembles",
    "Accuracy and error of ensembles by their number of members, and what one more member changes.",
    "rule, measure and size; ensembles of independent members only",
    [
        RULE,
        Column("measure", "a column of ensembles.parquet: an accuracy or corrupted_error", NAME),
        SIZE,
        Column("ensembles", "number of ensembles scored", COUNT),
        Column("possible", "number of ensembles that can be formed at this size", COUNT),
        Column("mean", "mean of the measure over all possible ensembles", FRACTION),
        *ends("", "jackknife over members"),
        Column("lower_quartile", "lower quartile over the ensembles", FRACTION),
        Column("upper_quartile", "upper quartile", FRACTION),
        Column("change", "mean minus that of the next smaller size", DIFFERENCE),
        *ends("change", "jackknife over members", DIFFERENCE),
        Column("members", "number of members that the ensembles are formed from", COUNT),
        CONFIDENCE,
    ],
    needs=frozenset({"ensembles"}),
    published=True,
)
