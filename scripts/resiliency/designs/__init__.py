"""Designs: the architectures and recipes of members."""
