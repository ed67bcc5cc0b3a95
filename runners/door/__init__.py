"""The door for hosts: a TLS listener with a certificate of our own authority, where hosts join, renew, and stay connected."""
