"""What `runners.engine` does on one engine, a deed a file. Nothing here chooses a host or keeps a client."""
