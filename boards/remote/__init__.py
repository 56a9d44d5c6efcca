"""Boards that run Linux, and this machine: artifacts are measured there in a process of their own."""

from edgernn.boards.remote.bundle import Request
from edgernn.boards.remote.measuring import measure
from edgernn.boards.remote.shell import Shell, local_shell, ssh_shell

__all__ = ["Request", "Shell", "local_shell", "measure", "ssh_shell"]
