"""Topic and title of each chart and table, as `snakemake --report` lists them."""

from typing import NamedTuple


class Shown(NamedTuple):
    topic: str
    title: str


CHARTS = {
    "gallery": Shown("Images", "Corruptions"),
    "attribution_gallery": Shown("Images", "Attribution maps"),
    "learning_curves": Shown("Members", "Learning curves"),
    "error_by_severity": Shown("Members", "Error by severity"),
    "error_heatmap": Shown("Members", "Error under each corruption"),
    "size_accuracy_resiliency": Shown("Members", "Size, accuracy and resiliency"),
    "effective_robustness": Shown("Members", "Effective robustness"),
    "calibration": Shown("Members", "Calibration"),
    "search_front": Shown("Members", "Front of the architecture search"),
    "correlations": Shown("Diversity", "Correlation with accuracy"),
    "correlation_heatmap": Shown("Diversity", "Correlation with accuracy, all metrics"),
    "diversity_accuracy": Shown("Diversity", "Diversity and accuracy of each ensemble"),
    "architecture_diversity": Shown("Diversity", "Ensembles of one design and of several"),
    "coincident_failures": Shown("Diversity", "Coincident failures"),
    "strength": Shown("Ensembles", "Joint training by strength"),
    "origins": Shown("Ensembles", "Origin of the members"),
    "ensemble_size": Shown("Ensembles", "Number of members"),
    "deployment": Shown("Deployment", "Error and cost"),
    "under_corruptions": Shown("Deployment", "Best ensemble under each corruption"),
    "contender_calibration": Shown("Deployment", "Calibration of the best ensemble"),
    "risk_coverage": Shown("Deployment", "Risk and coverage"),
    "early_exit": Shown("Deployment", "Early exit"),
}
TABLES = {
    "members.csv": Shown("Members", "Members"),
    "corruption_errors.csv": Shown("Members", "Error under each corruption"),
    "histories.csv": Shown("Members", "Learning curves"),
    "calibration.csv": Shown("Members", "Calibration"),
    "effective_robustness.csv": Shown("Members", "Effective robustness"),
    "skipped.csv": Shown("Members", "What was left out"),
    "evaluations.csv": Shown("Members", "Sub-networks of the architecture search"),
    "correlations.csv": Shown("Diversity", "Correlation with accuracy"),
    "correlation_differences.csv": Shown("Diversity", "Attribution less prediction diversity"),
    "coincident_failures.csv": Shown("Diversity", "Coincident failures"),
    "attribution_distances.csv": Shown("Diversity", "Distances of attribution maps"),
    "observations.csv": Shown("Observations", "The four observations"),
    "best_ensembles.csv": Shown("Ensembles", "Most accurate ensembles"),
    "origins.csv": Shown("Ensembles", "Origin of the members"),
    "ensemble_sizes.csv": Shown("Ensembles", "Number of members"),
    "deployment.csv": Shown("Deployment", "Ensembles to deploy"),
    "contenders.csv": Shown("Deployment", "Best ensemble under each corruption"),
    "contender_calibration.csv": Shown("Deployment", "Calibration of the best ensemble"),
    "selective_prediction.csv": Shown("Deployment", "Risk and coverage"),
    "temperatures.csv": Shown("Deployment", "Temperature scaling"),
    "early_exit.csv": Shown("Deployment", "Early exit"),
}
