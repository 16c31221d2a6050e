"""The base of all packages: names, faults, settings, random streams, extensions and programs."""
