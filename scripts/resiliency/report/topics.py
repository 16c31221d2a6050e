"""Topic and title of each table, as `snakemake --report` lists them."""

from typing import NamedTuple


class Entry(NamedTuple):
    topic: str
    title: str


TABLES = {
    "members.csv": Entry("Members", "Members"),
    "corruption_errors.csv": Entry("Members", "Error under each corruption"),
    "histories.csv": Entry("Members", "Learning curves"),
    "calibration.csv": Entry("Members", "Calibration"),
    "effective_robustness.csv": Entry("Members", "Effective robustness"),
    "skipped.csv": Entry("Members", "What was left out"),
    "evaluations.csv": Entry("Members", "Sub-networks of the architecture search"),
    "correlations.csv": Entry("Diversity", "Correlation with accuracy"),
    "correlation_differences.csv": Entry("Diversity", "Attribution less prediction diversity"),
    "coincident_failures.csv": Entry("Diversity", "Coincident failures"),
    "attribution_distances.csv": Entry("Diversity", "Distances of attribution maps"),
    "observations.csv": Entry("Observations", "The four observations"),
    "best_ensembles.csv": Entry("Ensembles", "Most accurate ensembles"),
    "origins.csv": Entry("Ensembles", "Origin of the members"),
    "ensemble_sizes.csv": Entry("Ensembles", "Number of members"),
    "deployment.csv": Entry("Deployment", "Ensembles to deploy"),
    "contenders.csv": Entry("Deployment", "Best ensemble under each corruption"),
    "contender_calibration.csv": Entry("Deployment", "Calibration of the best ensemble"),
    "selective_prediction.csv": Entry("Deployment", "Risk and coverage"),
    "temperatures.csv": Entry("Deployment", "Temperature scaling"),
    "early_exit.csv": Entry("Deployment", "Early exit"),
}
