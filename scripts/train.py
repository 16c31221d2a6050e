"""Train one member."""

from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from resiliency.stage import stage
from resiliency.training.member import train_members


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of a single network; logits 1xBxK."""
    return F.cross_entropy(logits[0], labels)


with stage(snakemake.log[0], snakemake.threads):
    params = snakemake.params
    train_members(
        folders=[str(Path(snakemake.output.weights).parent)],
        descriptions=[params.member],
        recipe=params.recipe,
        loss=cross_entropy,
        data=dict(snakemake.input.items()),
        stream=(params.seed, "train", params.member["design"], params.member["seed"]),
        workers=snakemake.threads - 1,
    )
