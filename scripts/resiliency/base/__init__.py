"""What all packages stand on: names, faults, settings, random streams, extensions and programs."""
