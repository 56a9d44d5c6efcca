"""Data files that packages ship. The packages are installed without their dependencies, and never imported.

Some ship their data in the source distribution alone: ``make`` downloads it into SOURCES, as it is.
"""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from edgernn.errors import UsageError

SOURCES = Path(sys.prefix) / "share" / "edgernn" / "sdists"


@dataclass(frozen=True)
class PackagedData:
    """Data of one version of a package on PyPI; ``what`` says what it is, in the plural."""

    package: str
    version: str
    what: str

    @property
    def install(self) -> str:
        """The command that installs the package."""
        return f"pip install --no-deps {self.package}=={self.version}"

    @property
    def installed(self) -> bool:
        """Whether this version is installed."""
        try:
            return distribution(self.package).version == self.version
        except PackageNotFoundError:
            return False

    def file(self, member: str, sha256: str) -> Path:
        """Where the installed package keeps ``member``.

        Raises:
            UsageError: the package is not installed, is another version, or its file is damaged.
        """
        path = Path(str(self._distribution().locate_file(member)))
        if not path.is_file():
            raise UsageError(f"{path} is missing from {self.package} {self.version}: {self.install} --force-reinstall")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest != sha256:
            raise UsageError(
                f"{path} is not the file of {self.package} {self.version}: SHA-256 {digest}, expected {sha256}; "
                f"{self.install} --force-reinstall"
            )
        return path

    def files(self, folder: str, pattern: str) -> list[Path]:
        """The files below ``folder`` that match ``pattern``, in the order of their paths.

        Raises:
            UsageError: the package is not installed, is another version, or has no such files.
        """
        found = sorted(Path(str(self._distribution().locate_file(folder))).glob(pattern))
        if not found:
            raise UsageError(
                f"{self.package} {self.version} holds no {folder}/{pattern}: {self.install} --force-reinstall"
            )
        return found

    def _distribution(self) -> Distribution:
        try:
            package = distribution(self.package)
        except PackageNotFoundError:
            raise UsageError(
                f"the {self.what} come with the package {self.package} {self.version}, which is not installed: "
                f"{self.install}"
            ) from None
        if package.version != self.version:
            raise UsageError(f"{self.package} {package.version} is installed, {self.version} is needed: {self.install}")
        return package


@dataclass(frozen=True)
class SourceData:
    """Data of the source distribution of one version of a package on PyPI; ``what`` as in PackagedData."""

    package: str
    version: str
    what: str
    sha256: str

    @property
    def path(self) -> Path:
        """Where the archive is expected."""
        return SOURCES / f"{self.package}-{self.version}.tar.gz"

    @property
    def install(self) -> str:
        """The command that downloads the archive."""
        return f"pip download --no-deps --no-binary :all: -d {SOURCES} {self.package}=={self.version}"

    @property
    def installed(self) -> bool:
        """Whether the archive is there."""
        return self.path.is_file()

    def read(self, member: str) -> bytes:
        """The contents of the file ``member`` of the source distribution.

        Raises:
            UsageError: the source distribution is not there, is damaged, or has no such file.
        """
        with self._opened() as archive:
            try:
                file = archive.extractfile(f"{self.package}-{self.version}/{member}")
            except KeyError:
                file = None
            if file is None:
                raise UsageError(f"{self.path} holds no file {member}")
            return file.read()

    def archive(self, member: str) -> tarfile.TarFile:
        """The archive ``member`` that the source distribution holds.

        Raises:
            UsageError: as ``read``.
        """
        return tarfile.open(fileobj=io.BytesIO(self.read(member)))

    def _opened(self) -> tarfile.TarFile:
        if not self.installed:
            raise UsageError(f"the {self.what} come with {self.path.name}, which is not there: {self.install}")
        contents = self.path.read_bytes()
        digest = hashlib.sha256(contents).hexdigest()
        if digest != self.sha256:
            raise UsageError(f"{self.path}: SHA-256 {digest}, expected {self.sha256}; remove it, then {self.install}")
        return tarfile.open(fileobj=io.BytesIO(contents))
