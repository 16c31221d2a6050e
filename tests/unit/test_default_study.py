"""The default study is whole, and large enough for verdicts."""

from collections import Counter

from default_study import CONFIG

from resiliency.analysis.observations import architecture, balance, correlation, diversity
from resiliency.study.files import load


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
