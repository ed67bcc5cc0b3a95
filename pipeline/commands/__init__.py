"""The sub-commands of `shipway`, a file a group. Loaded when named; those that only call the API import no SDK."""
