"""What one attempt at a job asks of a cluster; each further attempt asks for as much again.

The figures are generous rather than exact: asking for too little costs an attempt. They change no result.
"""

from resiliency.study import Study

# Longest run time to ask for, in minutes. Training that takes longer goes on from its checkpoint in the next attempt.
DAY = 24 * 60
# Images of a split that nobody has counted, those of an image folder.
UNCOUNTED = 100_000
# Images a minute: trained on by one network, and predicted by one.
TRAINED, PREDICTED = 60_000, 30_000
# Pixels a minute that the slowest corruption makes on one core.
CORRUPTED = 30_000_000


def network_memory(decoding: int) -> int:
    """Megabytes of a process that computes with networks, while so many processes decode images."""
    return 6000 + 2000 * decoding


def minutes(study: Study) -> dict[str, int]:
    """Rule -> minutes of one attempt, for the rules whose run time goes with the size of the study."""
    most = study.dataset.most_images()
    train, validation, test = (most.get(split, UNCOUNTED) for split in ("train", "validation", "test"))
    severities = len(study.corruptions.severities)
    conditions = 1 + severities * len(study.corruptions.names)
    joint, search = study.joint, study.search
    together = len(joint.designs) * joint.seeds if joint else 0
    networks = max(study.members.seeds, together, search.members if search else 0)
    epochs = [study.recipe(design).epochs for design in study.trained_designs()]
    found = {
        "corrupt": 10 + test * severities * study.dataset.side**2 // CORRUPTED,
        "train": 60 + train * max(epochs, default=0) // TRAINED,
        "predict": 30 + test * conditions * networks // PREDICTED,
    }
    if joint:
        found["train_jointly"] = 60 + train * study.joint_recipe().epochs * len(joint.designs) // TRAINED
    if search:
        found["train_supernet"] = 60 + train * study.search_recipe().epochs * (2 + search.drawn) // TRAINED
        found["search"] = 60 + search.evaluations * (search.calibration_images + validation) // PREDICTED
    return found
