"""Diversity of members: of their predictions, attributions and activations."""
