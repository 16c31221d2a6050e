"""Search the super-network for sub-networks, and make members of those that are chosen."""

from pathlib import Path

from resiliency.data.images import read_images
from resiliency.data.split import stratified
from resiliency.designs.cards import design_card
from resiliency.designs.networks import read_member, write_member
from resiliency.faults import Fault
from resiliency.files import read_array, read_json, write_csv
from resiliency.members import Member
from resiliency.search.evaluation import Evaluator
from resiliency.search.faults import budget_faults
from resiliency.search.members import MEMBER, digest, made_by, search_cost
from resiliency.search.searching import chosen, search, search_table
from resiliency.search.settings import Search
from resiliency.search.space import Space
from resiliency.stage import stage
from resiliency.training.checkpoints import Checkpoint
from resiliency.training.engine import Labelled, Looks

with stage(snakemake.log[0], snakemake.resources.gpu):
    inputs, output, params = snakemake.input, snakemake.output, snakemake.params
    settings, seed, card = params.search, params.seed, read_json(inputs.card)
    space = Space.of(params.design, settings["elastic"], len(card["classes"]))
    for fault in budget_faults(Search(**settings), space):
        raise Fault(fault)
    network, supernet = read_member(Path(inputs.weights).parent)
    labels = read_array(inputs.labels)
    count = min(settings["calibration_images"], len(labels))
    calibration = read_images(inputs.images)[stratified(labels, count, seed, "search", "calibration")]
    validation = Labelled(read_images(inputs.validation_images), read_array(inputs.validation_labels))
    looks = Looks(supernet.mean, supernet.std, workers=snakemake.threads - 1)
    evaluator = Evaluator(network, space, calibration, validation, looks)
    decisive = {"code": params.code, "search": settings, "seed": seed, "data": card["splits"]}
    decisive["supernet"] = digest(inputs.weights)
    with Checkpoint(Path(output.table).with_name("checkpoint.pt"), decisive) as checkpoint:
        evaluations = search(evaluator, settings, seed, checkpoint)
    evaluated, members = evaluations.objectives, {}
    cost = search_cost(space, settings, supernet.training_cost, evaluated[:, 1], count + len(validation.labels))
    for position, weights in zip(chosen(evaluations, settings, seed), output.weights, strict=True):
        folder, genes = Path(weights).parent, evaluations.genes[position]
        members[position] = folder.name
        small = evaluator.network(genes)
        description = made_by(MEMBER, space.shape(genes), space.side) | params.members[folder.name]
        known = design_card(small, description, card, len(card["classes"]))
        known |= {"mean": supernet.mean, "std": supernet.std, "normalisation": supernet.normalisation}
        known |= {"weights_source": "a super-network trained here"}
        known |= {"training_cost": cost, "validation_accuracy": float(1 - evaluated[position, 0])}
        known |= {"device": checkpoint.device}
        write_member(folder, small, Member(member=folder.name, **description | known))
    write_csv(output.table, search_table(evaluations, members))
    checkpoint.remove()
