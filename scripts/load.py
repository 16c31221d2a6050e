"""Load one member that somebody else trained."""

from pathlib import Path

from resiliency.data.images import read_images
from resiliency.designs.networks import write_member
from resiliency.designs.weights import load_member
from resiliency.files import read_array, read_json
from resiliency.stage import stage
from resiliency.training.engine import Labelled, Looks, accuracies

with stage(snakemake.log[0], snakemake.resources.gpu):
    inputs = snakemake.input
    network, member = load_member(snakemake.params.member, read_json(inputs.card), dict(inputs.items()))
    validation = Labelled(read_images(inputs.validation_images), read_array(inputs.validation_labels))
    looks = Looks(member["mean"], member["std"], workers=snakemake.threads - 1)
    accuracy = accuracies([network], validation, looks)[0]
    print(f"validation accuracy {accuracy:.4f}")
    folder = Path(snakemake.output.weights).parent
    write_member(folder, network, {"member": folder.name} | member | {"validation_accuracy": accuracy})
