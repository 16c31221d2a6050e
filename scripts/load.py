"""Load one member that somebody else trained."""

from pathlib import Path

from resiliency.data.pictures import read_images
from resiliency.designs.members import Member
from resiliency.designs.networks import write_member
from resiliency.designs.weights import load_member
from resiliency.prediction.writing import accuracy
from resiliency.storage import read_array, read_json
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    network, details = load_member(params.member, read_json(inputs.card), dict(inputs.items()))
    folder = Path(outputs.weights).parent
    member = Member(member=folder.name, **details)
    if "validation_images" in dict(inputs.items()):
        images, labels = read_images(inputs.validation_images), read_array(inputs.validation_labels)
        member.validation_accuracy = accuracy((network, member), images, labels, snakemake.threads - 1)
        print(f"validation accuracy {member.validation_accuracy:.4f}")
    write_member(folder, network, member)
