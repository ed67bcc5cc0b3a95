"""Slow hashes of passwords that people choose: Argon2id, by the argon2-cffi package."""

from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from pipeline.secret import Secret

# The least that OWASP's password sheet asks for: the server's 16 threads must not need a gigabyte to refuse guesses.
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hashed(password: Secret) -> str:
    return HASHER.hash(password.reveal())


def holds(kept: str, password: Secret) -> bool:
    """As slow for a user whom nobody knows (`kept` is empty) as for any other."""
    try:
        return HASHER.verify(kept or _nobody(), password.reveal()) and bool(kept)
    except (VerificationError, InvalidHashError):
        return False


@lru_cache(maxsize=1)
def _nobody() -> str:
    return HASHER.hash("nobody's")
