"""Serial ports by pyserial: ``/dev/ttyACM0``, ``COM3``, and every URL that it knows, such as ``socket://host:port``."""

from __future__ import annotations

import contextlib
from typing import Any

from edgernn.errors import LinkError, MissingExtraError

BITS_PER_BYTE = 10
WRITE_TIMEOUT_S = 10.0


class SerialTransport:
    """``edgernn.boards.links.client.Transport`` over a port of this machine or a URL of pyserial.

    Raises MissingExtraError without pyserial, LinkError for a port that cannot be opened.
    """

    def __init__(self, url: str, baud: int) -> None:
        try:
            import serial
        except ImportError:
            raise MissingExtraError("pyserial", "boards", "talking to a board over a serial port") from None
        self._serial: Any = serial
        self.where, self._baud = url, baud
        self.bytes_per_s = baud / BITS_PER_BYTE
        self._port: Any = None
        try:
            self.reopen()
        except ConnectionError as error:
            raise LinkError(f"{url}: cannot be opened: {error}\n  what to do: {self._remedy(str(error))}") from None

    def _remedy(self, reason: str) -> str:
        if "ermission" in reason:
            return "give yourself access to the port, on Linux by joining the group dialout"
        ports = self.ports()
        return f"check cable and name; ports of this machine: {', '.join(ports) or 'none'}"

    @staticmethod
    def ports() -> list[str]:
        """The serial ports that this machine has now."""
        from serial.tools.list_ports import comports

        return sorted(port.device for port in comports())

    def write(self, data: bytes) -> None:
        """Send all of ``data``. Raises ConnectionError where the port is gone."""
        self._guarded(lambda port: port.write(data))

    def read(self, timeout_s: float) -> bytes:
        """What has arrived, or arrives within ``timeout_s``; b"" for nothing. Raises ConnectionError."""

        def read(port: Any) -> bytes:
            port.timeout = timeout_s
            first: bytes = port.read(1)
            return first + (port.read(port.in_waiting) if first and port.in_waiting else b"")

        data: bytes = self._guarded(read)
        return data

    def _guarded(self, action: Any) -> Any:
        if self._port is None:
            raise ConnectionError("the port is closed")
        try:
            return action(self._port)
        except (OSError, TypeError, ValueError) as error:
            # pyserial's own exception is an OSError; a port that is closed from elsewhere shows as the others.
            self.close()
            raise ConnectionError(str(error)) from None

    def reopen(self) -> None:
        """Connect again. Raises ConnectionError where that is not possible now."""
        self.close()
        try:
            self._port = self._serial.serial_for_url(self.where, self._baud, write_timeout=WRITE_TIMEOUT_S)
        except (OSError, ValueError) as error:
            raise ConnectionError(str(error)) from None

    def close(self) -> None:
        """Let go of the port."""
        port, self._port = self._port, None
        if port is None:
            return
        connection = getattr(port, "_socket", None)
        with contextlib.suppress(OSError):
            port.close()
        if connection is not None:
            connection.close()  # pyserial 3.5 leaves a socket open whose other end has gone
