"""The program `resiliency`, as `python -m resiliency` if it is not installed."""

from resiliency.cli import main

main()
