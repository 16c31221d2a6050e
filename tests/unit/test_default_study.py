"""The default study is whole, and large enough for verdicts."""

from collections import Counter

from default_study import CONFIG

from resiliency.analysis.observations import architecture, balance, correlation, diversity
from resiliency.corruptions.settings import MAIN
from resiliency.study.loading import load
from resiliency.study.model import Study


def test_the_default_study_loads():
    study = load(CONFIG)
    assert study.study == "digits"
    assert tuple(study.corruptions.names) == MAIN
    assert study.recipe("vit").epochs == 30
    assert study.recipe("vit").batch_size == study.training.batch_size == 64
    assert study.recipe("resnet18") == study.training.model_copy(update={"shift": 2, "flip": False})
    assert study.joint_recipe() == study.recipe("fasternet")


def test_the_default_study_is_large_enough_for_verdicts():
    """The smallest numbers that the rules of the four observations ask for."""
    study = load(CONFIG)
    designs = study.members.designs
    families = Counter(map(study.family, designs))
    assert sum(count >= architecture.DESIGNS_A_FAMILY for count in families.values()) >= architecture.FAMILIES
    assert len(designs) - len(families) - len(architecture.OTHERS) >= architecture.SPARE * len(designs)
    assert len(designs) >= correlation.DESIGNS
    assert sum(study.members.trained(design) >= 2 for design in designs) >= diversity.DESIGNS
    assert study.joint.seeds >= balance.SEEDS_ALONE
    assert {0, 1} < set(study.joint.objectives["balanced"])


def test_the_default_study_shows_every_group_of_keys():
    assert set(Study.model_fields) - set(CONFIG) <= {"charts", "external"}
