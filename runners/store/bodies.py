"""How a webhook's body is kept: small. Says nothing of when it is let go."""

import zlib
from collections.abc import Sequence

import zstandard

LEVEL = 1
MAGIC = (
    b"\x28\xb5\x2f\xfd"  # of a zstd frame, RFC 8878 §3.1.1; what has none is zlib, as it was kept at first
)


def packed(bodies: Sequence[bytes]) -> list[bytes]:
    compressor = zstandard.ZstdCompressor(level=LEVEL)
    return [compressor.compress(body) for body in bodies]


def unpacked(kept: bytes) -> bytes:
    if not kept.startswith(MAGIC):
        return zlib.decompress(kept)
    return zstandard.ZstdDecompressor().decompress(kept)  # the frame says its size
