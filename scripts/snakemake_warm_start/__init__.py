"""Jobs of this machine as forks of one process that has imported the packages, so that they start at once.

Python and torch take seconds of CPU time to start, for each of a hundred jobs. `client.install` starts a server of
forks and has Snakemake run scripts in them. A fork imports the library itself, and so runs the code of its moment.
Forks have the environment, streams, exit status and measurements that processes of their own would have, and end with
Snakemake. Jobs in conda environments, in containers or on other machines start as usual, and so do all with
`RESILIENCY_WARM_START=0`.
"""
