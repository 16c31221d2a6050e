"""Scores of a classifier: accuracy, probabilities, resiliency to corruptions."""
