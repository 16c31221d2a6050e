"""Split the images into training, validation and test."""

from pathlib import Path

from resiliency.data.card import data_card
from resiliency.data.digits import SOURCE, digits
from resiliency.data.split import split
from resiliency.files import write_array, write_json
from resiliency.stage import stage

with stage(snakemake.log[0], snakemake.threads):
    settings = snakemake.params.dataset
    images, labels, classes = digits(settings["image_size"])
    indices = split(labels, settings["validation_images"], settings["test_images"], snakemake.params.seed)
    splits = {name: (images[chosen], labels[chosen]) for name, chosen in indices.items()}
    card = data_card(settings["name"], SOURCE, classes, splits)
    folder = Path(snakemake.output.card).parent
    for name, (split_images, split_labels) in splits.items():
        write_array(folder / name / "images.npy", split_images)
        write_array(folder / name / "labels.npy", split_labels)
        print(f"{name}: {len(split_labels)} images")
    write_json(snakemake.output.card, card)
