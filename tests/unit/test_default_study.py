"""The default study is whole, and large enough for verdicts."""

from collections import Counter
from pathlib import Path

from default_study import CONFIG

from resiliency.analysis.observations import architecture, balance, correlation, diversity
from resiliency.corruptions.settings import MAIN
from resiliency.storage.tables import read_table
from resiliency.study.files import load
from resiliency.study.model import Study

DOCS = Path(__file__).parents[2] / "docs"


def test_the_default_study_loads():
    study = load(CONFIG)
    assert study.study == "digits"
    assert tuple(study.corruptions.names) == MAIN
    assert study.recipe("vit").epochs == 14
    assert study.recipe("vit").batch_size == study.training.batch_size == 64
    assert study.recipe("resnet18") == study.training.model_copy(update={"shift": 2, "flip": False})
    assert study.joint_recipe() == study.recipe("fasternet")


def test_the_default_study_is_large_enough_for_verdicts():
    """The smallest numbers that the rules of the four observations ask for."""
    study = load(CONFIG)
    designs = study.members.designs
    families = Counter(map(study.family, designs))
    assert sum(count >= 2 for count in families.values()) >= architecture.FAMILIES
    assert len(families) >= correlation.FAMILIES
    repeated = {study.family(design) for design in designs if study.members.seed_count(design) >= 2}
    assert len(repeated) >= diversity.FAMILIES
    assert study.attribution.target == "prediction"
    assert study.joint.seeds >= balance.SEEDS
    assert {0, 1} < set(study.joint.objectives["balanced"])


def test_the_default_study_shows_every_group_of_keys():
    assert set(Study.model_fields) - set(CONFIG) <= {"add", "charts", "costs", "external"}


def test_what_is_said_of_mce_of_the_default_study_holds():
    text = " ".join((DOCS / "installation.md").read_text(encoding="utf-8").split())
    assert (
        "(e.g. shot noise) cause the baseline almost no errors. The report therefore shows neither mCE nor relative mCE"
        in text
    )
    members = read_table(DOCS.parent / "published/results/digits/members.csv")
    for column in ("mce_undefined_under", "relative_mce_undefined_under"):
        assert members[column].str.contains("shot_noise").all()
