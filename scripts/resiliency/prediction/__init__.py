"""Predictions of networks, written and read condition by condition, and attributions."""
