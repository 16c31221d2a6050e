"""Train the super-network in which a search finds its sub-networks."""

from functools import partial
from pathlib import Path

from resiliency.search.network import start_from, supernet_description, supernet_loss
from resiliency.search.space import Search, Space
from resiliency.storage import read_json
from resiliency.study.stage import stage
from resiliency.training.member import train_members

with stage(snakemake) as (inputs, outputs, params):
    data = dict(inputs.items())
    start, recipe, settings = data.get("start"), params.recipe, Search(**params.search)
    card = read_json(data["card"])
    space = Space.of_design(params.design, settings.elastic, len(card["classes"]))
    print(f"{space.count:,} sub-networks, elastic in {', '.join(space.dimensions) or 'nothing'}")
    steps = card["splits"]["train"]["n_images"] // recipe["batch_size"]
    train_members(
        folders=[str(Path(outputs.weights).parent)],
        descriptions=[supernet_description(space, start)],
        recipe=recipe,
        loss=supernet_loss(
            space,
            settings,
            n_images=recipe["epochs"] * steps * recipe["batch_size"],
            smoothing=recipe["label_smoothing"],
        ),
        data=data,
        stream=(params.seed, "train_supernet"),
        workers=snakemake.threads - 1,
        code=params.code,
        prepare=partial(start_from, weights=start) if start else None,
        loss_settings=params.search,
    )
