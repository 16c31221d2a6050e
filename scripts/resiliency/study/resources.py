"""What one attempt at a job asks of a cluster; each further attempt asks for as much again.

The figures are generous rather than exact: asking for too little costs an attempt. They change no result.
"""

from math import comb

from resiliency.data.settings import PUBLISHED
from resiliency.study.model import Study

# Longest run time to ask for, in minutes. Training that takes longer goes on from its checkpoint in the next attempt.
DAY = 24 * 60
# Images of a split, and classes, that nobody has counted, those of an image folder or a further test set.
UNCOUNTED, UNCOUNTED_CLASSES = 100_000, 1_000
# Images a minute: trained on by one network, and predicted by one.
TRAINED, PREDICTED = 60_000, 30_000
# Predictions that take as long as a gradient, and as occlusion, which hides an image by 49 windows in turn. An image of
# more than `SIDE` pixels a side takes longer, in proportion to its area.
GRADIENT, OCCLUSION = 3, 50
SIDE = 64
# Pixels a minute that the slowest corruption makes on one core.
CORRUPTED = 30_000_000
# Probabilities a minute: of members scored, of pairs of them compared, and of ensembles combined by one rule.
SCORED, COMPARED, COMBINED = 1_500_000_000, 10_000_000_000, 10_000_000_000


def network_memory(decoding: int) -> int:
    """Megabytes of a process that computes with networks, while so many others decode images."""
    return 8000 + 2000 * decoding


def minutes(study: Study) -> dict[str, int]:
    """Rule -> minutes of one attempt, for the rules whose run time grows with the size of the study."""
    most = study.data.most_images()
    train, validation, test = (most.get(split, UNCOUNTED) for split in ("train", "validation", "test"))
    severities = len(study.corruptions.severities)
    conditions = 1 + severities * len(study.corruptions.names)
    joint, search = study.joint, study.search
    methods, pictured = study.attribution.methods, len(study.pictured_members())
    epochs = [study.recipe(design).epochs for design in study.trained_designs()]
    estimates = {
        "corrupt": 10 + test * severities * study.data.side**2 // CORRUPTED,
        "train": 60 + train * max(epochs, default=0) // TRAINED,
        "predict": 30 + test * conditions // PREDICTED,
        "predict_test_set": 30 + UNCOUNTED // PREDICTED,
        "attribute": 60 + round(study.probe.images * _explanation(study, methods) / PREDICTED),
        "gallery": 60 + round(study.probe.images * pictured * _explanation(study, methods[:1]) / PREDICTED),
    }
    if study.prediction.members_per_job > 1:
        predicted = test * conditions + UNCOUNTED * len(study.test_sets)
        estimates["predict_together"] = 30 + predicted * study.prediction.members_per_job // PREDICTED
    if joint:
        estimates["train_jointly"] = 60 + train * study.joint_recipe().epochs * len(joint.designs) // TRAINED
    if search:
        estimates["train_supernet"] = (
            60 + train * study.search_recipe().epochs * (2 + search.random_subnetworks) // TRAINED
        )
        estimates["search"] = 60 + search.evaluations * (search.calibration_images + validation) // PREDICTED
    return estimates | _minutes_of_ensembles(study, test * conditions + UNCOUNTED * len(study.test_sets))


def _explanation(study: Study, methods: list[str]) -> float:
    """How many predictions take as long as explaining one image by all `methods`."""
    passes = {"integrated_gradients": GRADIENT * study.attribution.steps, "occlusion": OCCLUSION}
    return sum(passes.get(method, GRADIENT) for method in methods) * max(1, study.data.side / SIDE) ** 2


def _minutes_of_ensembles(study: Study, predictions: int) -> dict[str, int]:
    """Rule -> minutes of the rules that look at all members, pairs or ensembles, for so many predictions of each."""
    name, ensembles = study.data.name, study.ensembles
    probabilities = predictions * (PUBLISHED[name].classes if name in PUBLISHED else UNCOUNTED_CLASSES)
    alone, joint = [study.independent_members(), study.searched_members()], study.joint_ensembles()
    alone[0] += study.contents().predicted if study.external else []
    members = sum(map(len, alone + joint))
    pairs = sum(comb(len(group), 2) for group in alone + joint)
    scored = sum(min(ensembles.limit, sum(comb(len(group), size) for size in ensembles.sizes)) for group in alone)
    tried = scored + study.deployment.max_size * sum(map(len, alone))
    return {
        "score_members": 60 + members * probabilities // SCORED,
        "pairwise_diversity": 60 + pairs * probabilities // COMPARED,
        "score_ensembles": 60 + scored * probabilities * len(ensembles.rules) // COMBINED,
        "choose_ensembles": 60 + tried * probabilities // COMBINED,
    }
