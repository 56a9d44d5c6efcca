"""The .so file: the image of a shared library, then metadata and a checksum.

Layout: ELF image, metadata (JSON), and a footer, little-endian: u64 bytes of the image, u64 bytes of the
metadata, SHA-256 of all that stands before the footer, magic. The dynamic loader ignores what follows the
image. A damaged file is found before it is loaded: mapping a library that is cut off can end the process.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass

from edgernn.errors import ArtifactError
from edgernn.ir.interface import METADATA_KEY, Interface, parse_json_object, require

MAGIC = b"ERNSO\x00\x00\x01"
FOOTER = struct.Struct("<QQ32s8s")
ELF_MACHINES = {"x86_64": (2, 62), "aarch64": (2, 183), "armv7": (1, 40), "riscv64": (2, 243), "i686": (1, 3)}
"""Machine -> ELF class (1: 32 bits, 2: 64 bits) and e_machine."""


@dataclass(frozen=True)
class LibraryInfo:
    """What stands in a .so file beside its code.

    machine   the processor family, as a key of ELF_MACHINES
    features  what the processor must have beyond the family's baseline, as named in /proc/cpuinfo
    lanes     floats processed at once
    """

    interface: Interface
    machine: str
    features: tuple[str, ...]
    lanes: int


def pack_library(image: bytes, info: LibraryInfo) -> bytes:
    """The .so file of an ELF image."""
    plain = {
        METADATA_KEY: json.loads(info.interface.to_json()),
        "machine": info.machine, "features": info.features, "lanes": info.lanes,
    }  # fmt: skip
    metadata = json.dumps(plain).encode()
    digest = hashlib.sha256(image + metadata).digest()
    return image + metadata + FOOTER.pack(len(image), len(metadata), digest, MAGIC)


def parse_library(data: bytes, where: str) -> LibraryInfo:
    """Check a .so file as a whole and return what it says. Raises ArtifactError, naming ``where``."""
    if len(data) < FOOTER.size or not data.endswith(MAGIC):
        raise ArtifactError(f"{where}: not a shared library written by edgernn, or cut off, or stripped afterwards")
    image_bytes, metadata_bytes, digest, _ = FOOTER.unpack_from(data, len(data) - FOOTER.size)
    if image_bytes + metadata_bytes + FOOTER.size != len(data):
        raise ArtifactError(
            f"{where}: {len(data)} bytes do not hold the image and metadata announced: the file is damaged"
        )
    view = memoryview(data)
    if hashlib.sha256(view[: -FOOTER.size]).digest() != digest:
        raise ArtifactError(f"{where}: the checksum is wrong: the file is damaged")
    info = _info(bytes(view[image_bytes : image_bytes + metadata_bytes]), where)
    _check_image(view[:image_bytes], info.machine, where)
    return info


def _info(metadata: bytes, where: str) -> LibraryInfo:
    plain = parse_json_object(metadata, where)
    features = require(plain, "features", list, where)
    if not all(isinstance(f, str) for f in features):
        raise ArtifactError(f"{where}: features must be names")
    return LibraryInfo(
        Interface.from_plain(require(plain, METADATA_KEY, dict, where), where),
        require(plain, "machine", str, where),
        tuple(features),
        require(plain, "lanes", int, where),
    )


def _check_image(image: memoryview, machine: str, where: str) -> None:
    if machine not in ELF_MACHINES:
        raise ArtifactError(f"{where}: unknown machine {machine!r:.40}; known are {', '.join(ELF_MACHINES)}")
    if len(image) < 52 or bytes(image[:4]) != b"\x7fELF":
        raise ArtifactError(f"{where}: the image is not an ELF file")
    found = (image[4], int.from_bytes(image[18:20], "little"))
    if found != ELF_MACHINES[machine] or image[5] != 1:
        raise ArtifactError(f"{where}: the image is not for {machine}: ELF class {found[0]}, machine {found[1]}")
