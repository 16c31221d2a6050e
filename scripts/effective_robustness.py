"""Compare accuracy on shifted images with what clean accuracy predicts."""

from resiliency.analysis.effective_robustness import ensemble_table, member_table
from resiliency.stage import stage
from resiliency.storage.tables import read_table, write_table

with stage(snakemake.log[0]):
    inputs, outputs, params = snakemake.input, snakemake.output, snakemake.params
    members = read_table(inputs.members)
    of_members = member_table(members, params.reference)
    write_table(outputs.members, of_members)
    if inputs.ensembles:
        write_table(outputs.ensembles, ensemble_table(read_table(inputs.ensembles), members, of_members))
