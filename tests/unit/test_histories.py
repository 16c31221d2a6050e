"""The table of how training went."""

import numpy as np
import pandas as pd
import pytest

from resiliency.analysis.member_tables import history_table, late_gain, still_learning
from resiliency.designs.members import Member
from resiliency.storage.tables import write_table

MEMBERS = pd.DataFrame(
    {
        "member": ["vit-s0", "published", "kl-l0-s0-m0"],
        "design": ["vit", "resnet50", "vit"],
        "family": ["vit", "resnet", "vit"],
        "origin": ["independent", "independent", "joint"],
        "objective": ["", "", "kl"],
        "setting": ["", "", "kl-l0"],
        "loss_weight": [np.nan, np.nan, 0.0],
        "seed": [0, None, 0],
    }
)
HISTORY = pd.DataFrame(
    {"epoch": [1, 2], "learning_rate": 0.1, "training_loss": [2.0, 1 / 3], "validation_accuracy": [0.5, 0.75]}
)


def test_a_row_per_trained_member_and_epoch(tmp_path):
    table = history_table(MEMBERS, {"vit-s0": HISTORY, "kl-l0-s0-m0": HISTORY.assign(minutes=3)})
    write_table(tmp_path / "histories.csv", table)
    assert (tmp_path / "histories.csv").read_text().splitlines() == [
        "member,design,family,origin,objective,setting,loss_weight,seed,epoch,learning_rate,training_loss,validation_accuracy",
        "vit-s0,vit,vit,independent,,,,0,1,0.1,2,0.5",
        "vit-s0,vit,vit,independent,,,,0,2,0.1,0.33333333,0.75",
        "kl-l0-s0-m0,vit,vit,joint,kl,kl-l0,0,0,1,0.1,2,0.5",
        "kl-l0-s0-m0,vit,vit,joint,kl,kl-l0,0,0,2,0.1,0.33333333,0.75",
    ]


@pytest.mark.parametrize(("last", "gain"), [(0.93, 0.03), (0.9, 0.0)])
def test_joint_training_that_still_gains_is_said_of_its_setting_alone(last, gain):
    """The mean of its ensembles decides: one of them rose, the other did not."""
    curve = pd.DataFrame({"epoch": range(1, 11), "validation_accuracy": [*np.linspace(0.1, 0.9, 8), 0.9, last]})
    settled = curve.assign(validation_accuracy=0.9)
    members = [Member(f"kl-l0-s{seed}-m0", origin="joint", setting="kl-l0", seed=seed) for seed in (0, 1)]
    others = [Member("kl-l1-s0-m0", origin="joint", setting="kl-l1"), Member("vit-s0")]
    histories = {members[0].member: curve, members[1].member: settled}
    histories |= {"kl-l1-s0-m0": settled, "vit-s0": curve.assign(validation_accuracy=range(10))}
    assert late_gain(curve) == pytest.approx(gain)
    expected = {member.member for member in members} if gain else set()
    assert still_learning([*members, *others], histories) == expected
