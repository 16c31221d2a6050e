"""Training of members, independently and jointly."""
