"""Neural architecture search: members that are sub-networks of one super-network."""
