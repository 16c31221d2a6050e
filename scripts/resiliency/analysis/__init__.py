"""Scores of members, correlations, and the verdicts on the paper's observations."""
