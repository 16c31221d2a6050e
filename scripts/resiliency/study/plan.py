"""What a study consists of, as rules need it: members, test sets, corruptions and tables; and the
needs of its jobs."""

from math import comb

from resiliency import tables
from resiliency.base.names import CLEAN, FEWEST_IMAGES, design_of
from resiliency.data.settings import PUBLISHED
from resiliency.study.model import Study


class Plan:
    """Members of a study by name, and what they are evaluated on.

    Attributes:
        independent: members that are trained or loaded here, each alone.
        loaded: those of `independent` that are not trained.
        together: `loaded` by the job that predicts several of them; empty if each is predicted
            alone.
        joint, searched: members that are trained jointly, or found by the search.
        networks: all of these, which are made here.
        trained: members of which each has a history of its own training.
        elsewhere: what files hold of members from elsewhere.
        pooled, pooled_networks: members of whose ensembles all are scored, and the networks among
            them.
        in_ensembles, networks_in_ensembles: members that are in any ensemble, and the networks
            among them.
        test_sets, corruptions: names, clean images first.
        has: properties of the study, which tables and charts need.
        tables: names of the tables that the study makes.

    Raises:
        Fault: a file of members from elsewhere is wrong.
    """

    def __init__(self, study: Study):
        self.elsewhere, self.independent = study.elsewhere, study.independent_members()
        given, at_once = {*study.loaded_designs()}, study.prediction.members_per_job
        self.loaded = [member for member in self.independent if design_of(member) in given]
        starts = range(0, len(self.loaded), at_once) if min(at_once, len(self.loaded)) > 1 else ()
        self.together = [self.loaded[start : start + at_once] for start in starts]
        self.joint, self.searched = study.joint_members(), study.searched_members()
        self.networks = self.independent + self.joint + self.searched
        self.trained = [
            member for member in self.independent if design_of(member) not in given
        ] + self.joint
        self.pooled = study.combined_members()
        self.in_ensembles = self.pooled + self.joint + self.searched
        self.pooled_networks = [
            member for member in self.pooled if member not in self.elsewhere.kinds
        ]
        self.networks_in_ensembles = self.pooled_networks + self.joint + self.searched
        self.corruptions = study.corruptions.names if study.dataset else self.elsewhere.corruptions
        self.test_sets = [CLEAN, *(study.test_sets if study.dataset else self.elsewhere.test_sets)]
        n_clean = max((source.n_images for source in self.elsewhere.sources), default=0)
        has = {
            "ensembles": len(self.pooled) >= min(study.ensembles.sizes),
            "images": study.dataset or not self.elsewhere.predicted or n_clean >= FEWEST_IMAGES,
            "networks": self.networks,
            "probabilities": self.networks
            or {"logits", "probabilities"} & {*self.elsewhere.kinds.values()},
            "corruptions": self.corruptions,
            "robustness": self.corruptions or study.statistics.robustness,
            "shifts": self.corruptions or len(self.test_sets) > 1,
            "search": self.searched,
            "joint": self.joint,
            "costs": study.costs,
        }
        self.has = {name for name, there in has.items() if there}
        self.tables = tables.made(self.has)


# Each further attempt at a job asks a cluster for as much again. The figures are generous rather
# than exact, because asking for too little costs an attempt. They change no result.
#
# Longest run time to ask for, in minutes. Training that takes longer goes on from its checkpoint in
# the next attempt.
DAY = 24 * 60
# Assumed number of images of a split, and of classes, of an image folder or an additional test set.
UNCOUNTED, UNCOUNTED_CLASSES = 100_000, 1_000
# Images per minute: in training of one network, and in prediction.
TRAINED, PREDICTED = 60_000, 30_000
# Predictions that take as long as a gradient, and as occlusion, which hides an image by 49 windows
# in turn. An image of more than `SIDE` pixels a side takes longer, in proportion to its area.
GRADIENT, OCCLUSION = 3, 50
SIDE = 64
# Pixels per minute of the slowest corruption on one core.
CORRUPTED = 30_000_000
# Probabilities per minute: scored members, compared pairs, and ensembles combined by one rule.
SCORED, COMPARED, COMBINED = 1_500_000_000, 10_000_000_000, 10_000_000_000


def minutes(study: Study) -> dict[str, int]:
    """Rule -> minutes of one attempt, for the rules whose run time grows with the size of the
    study."""
    most = study.data.most_images()
    train, validation, test = (
        most.get(split, UNCOUNTED) for split in ("train", "validation", "test")
    )
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
        "attribute": 60 + round(study.probe.n_images * _explanation(study, methods) / PREDICTED),
        "gallery": 60
        + round(study.probe.n_images * pictured * _explanation(study, methods[:1]) / PREDICTED),
    }
    if study.prediction.members_per_job > 1:
        predicted = test * conditions + UNCOUNTED * len(study.test_sets)
        estimates["predict_together"] = (
            30 + predicted * study.prediction.members_per_job // PREDICTED
        )
    if joint:
        estimates["train_jointly"] = (
            60 + train * study.joint_recipe().epochs * len(joint.designs) // TRAINED
        )
    if search:
        trained = train * study.search_recipe().epochs * (2 + search.random_subnetworks)
        estimates["train_supernet"] = 60 + trained // TRAINED
        estimates["search"] = (
            60 + search.evaluations * (search.n_calibration_images + validation) // PREDICTED
        )
    return estimates | _minutes_of_ensembles(
        study, test * conditions + UNCOUNTED * len(study.test_sets)
    )


def _explanation(study: Study, methods: list[str]) -> float:
    """How many predictions take as long as explaining one image by all `methods`."""
    passes = {"integrated_gradients": GRADIENT * study.attribution.steps, "occlusion": OCCLUSION}
    return (
        sum(passes.get(method, GRADIENT) for method in methods)
        * max(1, study.data.side / SIDE) ** 2
    )


def _minutes_of_ensembles(study: Study, predictions: int) -> dict[str, int]:
    """Rule -> minutes, for the rules that process all members, pairs or ensembles of `predictions`
    each."""
    name, ensembles = study.data.name, study.ensembles
    probabilities = predictions * (
        PUBLISHED[name].classes if name in PUBLISHED else UNCOUNTED_CLASSES
    )
    independent = study.independent_members() + study.elsewhere.predicted
    alone, joint = [independent, study.searched_members()], study.joint_ensembles()
    members = sum(map(len, alone + joint))
    pairs = sum(comb(len(group), 2) for group in alone + joint)
    scored = sum(
        min(ensembles.limit, sum(comb(len(group), size) for size in ensembles.sizes))
        for group in alone
    )
    tried = scored + study.deployment.max_size * sum(map(len, alone))
    return {
        "score_members": 60 + members * probabilities // SCORED,
        "pairwise_diversity": 60 + pairs * probabilities // COMPARED,
        "score_ensembles": 60 + scored * probabilities * len(ensembles.rules) // COMBINED,
        "choose_ensembles": 60 + tried * probabilities // COMBINED,
    }
