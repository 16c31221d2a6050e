"""Load one member that somebody else trained."""

from pathlib import Path

from resiliency.data.pictures import read_images
from resiliency.designs.networks import write_member
from resiliency.designs.weights import load_member
from resiliency.prediction.writing import accuracy
from resiliency.storage import read_array, read_json
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    card, files, folder = read_json(inputs.card), dict(inputs.items()), Path(outputs.weights).parent
    network, member = load_member(
        folder.name, params.member, card["classes"], card["image_shape"][0], files
    )
    if "validation_images" in files:
        images, labels = read_images(inputs.validation_images), read_array(inputs.validation_labels)
        member.validation_accuracy = accuracy(
            (network, member), images, labels, snakemake.threads - 1
        )
        print(f"validation accuracy {member.validation_accuracy:.4f}")
    write_member(folder, network, member)
