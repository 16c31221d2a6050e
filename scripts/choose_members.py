"""Choose members by accuracy or by diversity, and compare the ensembles on other images and
corruptions."""

from resiliency.analysis.choosing import choosing_table
from resiliency.diversity.metrics import reader
from resiliency.ensembles.pool import eligible_members
from resiliency.ensembles.settings import Ensembles
from resiliency.prediction.reading import read_predictions
from resiliency.storage import read_table, write_table
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    predictions = read_predictions(
        read_table(inputs.conditions), inputs.labels, inputs.logits, units=inputs.units
    )
    table = choosing_table(
        eligible_members(read_table(inputs.members), predictions, Ensembles(**params.ensembles)),
        predictions,
        reader(params.networks, params.methods, inputs.features, inputs.maps, stages=[]),
        params.methods,
        params.n_probe_images if params.networks else 0,
        params.seed,
        params.confidence,
    )
    write_table(outputs[0], table)
