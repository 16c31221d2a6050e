"""Topic and title of each chart and table, as `snakemake --report` lists them."""

from typing import NamedTuple


class Entry(NamedTuple):
    topic: str
    title: str


CHARTS = {
    "gallery": Entry("Images", "Corruptions"),
    "attribution_gallery": Entry("Images", "Attribution maps"),
    "learning_curves": Entry("Members", "Learning curves"),
    "error_by_severity": Entry("Members", "Error by severity"),
    "error_heatmap": Entry("Members", "Error under each corruption"),
    "size_accuracy_resiliency": Entry("Members", "Size, accuracy and resiliency"),
    "effective_robustness": Entry("Members", "Effective robustness"),
    "calibration": Entry("Members", "Calibration"),
    "search_front": Entry("Members", "Front of the architecture search"),
    "correlations": Entry("Diversity", "Correlation with accuracy"),
    "correlation_heatmap": Entry("Diversity", "Correlation with accuracy, all metrics"),
    "diversity_accuracy": Entry("Diversity", "Diversity and accuracy of each ensemble"),
    "architecture_diversity": Entry("Diversity", "Ensembles of one design and of several"),
    "coincident_failures": Entry("Diversity", "Coincident failures"),
    "strength": Entry("Ensembles", "Joint training by strength"),
    "origins": Entry("Ensembles", "Origin of the members"),
    "ensemble_size": Entry("Ensembles", "Number of members"),
    "deployment": Entry("Deployment", "Error and cost"),
    "under_corruptions": Entry("Deployment", "Best ensemble under each corruption"),
    "contender_calibration": Entry("Deployment", "Calibration of the best ensemble"),
    "risk_coverage": Entry("Deployment", "Risk and coverage"),
    "early_exit": Entry("Deployment", "Early exit"),
}
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
