"""Diversity of members: of what they predict, where they look and what they represent."""
