"""The table of how training went."""

import numpy as np
import pandas as pd

from resiliency.analysis.histories import history_table
from resiliency.storage.tables import read_table, write_table

MEMBERS = pd.DataFrame(
    {
        "member": ["vit-s0", "published", "kl-l0-s0-m0"],
        "design": ["vit", "resnet50", "vit"],
        "family": ["vit", "resnet", "vit"],
        "origin": ["independent", "independent", "joint"],
        "objective": ["", "", "kl"],
        "setting": ["", "", "kl-l0"],
        "strength": [np.nan, np.nan, 0.0],
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
        "member,design,family,origin,objective,setting,strength,seed,epoch,learning_rate,training_loss,validation_accuracy",
        "vit-s0,vit,vit,independent,,,,0,1,0.1,2,0.5",
        "vit-s0,vit,vit,independent,,,,0,2,0.1,0.33333333,0.75",
        "kl-l0-s0-m0,vit,vit,joint,kl,kl-l0,0,0,1,0.1,2,0.5",
        "kl-l0-s0-m0,vit,vit,joint,kl,kl-l0,0,0,2,0.1,0.33333333,0.75",
    ]


def test_nobody_was_trained(tmp_path):
    table = history_table(MEMBERS, {})
    write_table(tmp_path / "histories.csv", table)
    assert read_table(tmp_path / "histories.csv").columns.tolist() == table.columns.tolist()
