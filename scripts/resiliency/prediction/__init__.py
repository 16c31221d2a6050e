"""Logits of networks: written condition by condition, and read."""
