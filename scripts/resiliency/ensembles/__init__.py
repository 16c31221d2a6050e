"""Ensembles of members: which there are and how well each does."""
