"""What the words of the report mean, and the buttons that say so where a word is used."""

import re
from typing import NamedTuple

from markupsafe import Markup, escape


class Term(NamedTuple):
    """A term: its names in the report, the first of them its heading, and its definition."""

    names: tuple[str, ...]
    definition: str


TERMS = {
    "member": Term(("Member", "members"), "One trained network, such as resnet50-s0: a design and a seed."),
    "design": Term(("Design", "designs"), "An architecture and the recipe that trains it."),
    "family": Term(("Family", "families"), "Designs whose architectures are of one kind, such as all ResNets."),
    "ensemble": Term(
        ("Ensemble", "ensembles"),
        "Members that answer together; their probabilities are averaged unless another rule is named.",
    ),
    "baseline": Term(("Baseline",), "The member that errors are compared with: its mCE is 100 %."),
    "corruption": Term(
        ("Corruption", "corruptions"),
        "A natural change of an image, such as noise, blur, fog or compression, at severities 1 (slight) to 5 (severe) "
        "(Hendrycks and Dietterich, 2019).",
    ),
    "clean-accuracy": Term(("Clean accuracy",), "Share of the unchanged test images that are classified correctly."),
    "test-set": Term(
        ("Test set", "test sets"),
        "Images with labels of their own, other than the data set's. Where it has only some of the classes, members "
        "choose among these, unless the study says otherwise.",
    ),
    "mean-corruption-error": Term(
        ("Mean corruption error",),
        "Share of corrupted test images that are misclassified, mean over all corruptions and severities; lower is "
        "more resilient. Not normalised.",
    ),
    "mce": Term(
        ("mCE", "CE"),
        "Error under a corruption, summed over severities, divided by the same sum of the baseline (CE); mCE is its "
        "mean over corruptions, and the baseline's is 100 % (Hendrycks and Dietterich, 2019). It is dominated by "
        "corruptions under which the baseline makes few errors, and has no meaning if their number is mostly chance.",
    ),
    "relative-mce": Term(
        ("Relative mCE",), "As mCE, after the clean error is taken off both sums: how much is lost to corruption."
    ),
    "nll": Term(("NLL",), "Negative log-likelihood: mean of −ln of the probability given to the true class."),
    "brier": Term(("Brier score", "Brier"), "Mean squared distance of the class probabilities from the truth, 0 to 2."),
    "ece": Term(("ECE",), "Expected calibration error: gap between confidence and accuracy, over 15 equal-width bins."),
    "confidence": Term(("Confidence",), "The probability that a member gives to its answer."),
    "macs": Term(("MACs",), "Multiply-accumulate operations for one image: what an answer costs."),
    "parameters": Term(("Parameters",), "Number of trained weights."),
    "interval": Term(
        ("Interval", "intervals"),
        "Range that holds the true value at the confidence named: the figure is computed again without each member, or "
        "design, in turn, or on many samples of images drawn with replacement.",
    ),
    "correlation": Term(
        ("Correlation", "Pearson correlation", "r"),
        "From −1 to 1: above 0, what is more diverse is more accurate; below 0, less accurate; near 0, neither.",
    ),
    "rank-correlation": Term(
        ("Rank correlation",), "Correlation of ranks (Spearman), for which only the order counts."
    ),
    "prediction-diversity": Term(
        ("Prediction diversity", "prediction-based diversity"),
        "How differently members answer. Disagreement: exactly one of two is right. Double fault: both are wrong. "
        "Q statistic: association of being right. Jensen–Shannon divergence: distance of class probabilities.",
    ),
    "attribution-diversity": Term(
        ("Attribution diversity", "attribution-based diversity", "attributions", "saliency"),
        "How differently members weigh the pixels of an image: 1 − similarity of their attribution maps. Saliency is "
        "one way to draw such a map, integrated gradients and Grad-CAM are others.",
    ),
    "activation-diversity": Term(
        ("Activation diversity", "activations", "linear CKA"),
        "How differently members represent images inside: 1 − linear CKA of their features.",
    ),
    "double-fault": Term(("Double fault",), "Share of images on which both of two members are wrong; sign reversed."),
    "jensen-shannon": Term(("Jensen–Shannon divergence",), "Distance of the class probabilities of two members."),
    "sign-reversed": Term(
        ("Sign reversed",),
        "The metric falls with diversity; its sign is turned so that every diversity grows with diversity.",
    ),
    "independent": Term(
        ("Independent",),
        "Failures are independent if knowing that one member fails on an image says nothing about the other.",
    ),
    "attribution-map": Term(
        ("Maps",), "Which pixels of an image a member's answer depends on, as an attribution method has it."
    ),
    "strength": Term(
        ("Strength λ", "λ"),
        "Weight in joint training of what the objective adds to the members' own loss, which is all there is at λ = 0; "
        "with the objective balanced it is the weight of the ensemble's loss against that of its members.",
    ),
    "joint": Term(("Joint training", "jointly trained"), "Members are trained together, under a loss that they share."),
    "sub-network": Term(
        ("Sub-network", "sub-networks"),
        "A smaller network inside a larger one, the super-network, whose weights it shares.",
    ),
    "front": Term(("Front",), "Candidates that none other beats in both error and cost (Pareto)."),
    "cliffs-delta": Term(
        ("Cliff's delta",),
        "Share of pairs in which the first group is larger, less the share in which it is smaller: −1 to 1, 0 if "
        "alike.",
    ),
    "shapley": Term(
        ("Shapley (LMG)",),
        "Share of the explained variance that is due to a predictor, averaged over all orders of adding predictors.",
    ),
}
_KEYS = {name.lower(): key for key, term in TERMS.items() for name in term.names}
_WORDS = re.compile(
    r"(?<![\w-])(" + "|".join(map(re.escape, sorted(_KEYS, key=len, reverse=True))) + r")(?![\w-])", re.IGNORECASE
)


def explained(text: str) -> Markup:
    """`text`, escaped; each term, where it comes first, is a button that opens its definition."""
    text, parts, end, seen = text.replace(" %", "\N{NO-BREAK SPACE}%"), [], 0, set()
    for match in _WORDS.finditer(text):
        key = _KEYS[match[0].lower()]
        if key not in seen:
            seen.add(key)
            parts += [escape(text[end : match.start()]), _button(key, match[0])]
            end = match.end()
    return Markup("").join([*parts, escape(text[end:])])


def _button(key: str, word: str) -> Markup:
    return Markup('<button type="button" class="term" popovertarget="term-{}">{}</button>').format(key, word)
