"""Designs: the architectures that members are trained from."""
