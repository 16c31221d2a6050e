"""The base of all packages: names, faults, settings, random streams and programs."""
