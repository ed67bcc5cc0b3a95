"""What live tests, demo and benchmarks share: the lab as its lab.json tells, a git repository with the sample service,
and a running Shipway."""
