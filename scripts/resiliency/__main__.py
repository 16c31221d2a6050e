"""The program `resiliency`, as `python -m resiliency` where it is not installed."""

from resiliency.cli import main

main()
