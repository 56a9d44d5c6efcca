"""The serial port in a board's description: read, checked, and as definitions for the firmware."""

from __future__ import annotations

import re

from edgernn.boards.fields import Table
from edgernn.boards.manifest import SERIAL_DRIVERS, Serial, Setup

WORD = 0xFFFF_FFFF
BAUD = 115_200
BOARD_CHARACTERS = 32
FORMS = (
    "'write ADDRESS VALUE', 'set ADDRESS BITS', 'clear ADDRESS BITS', 'field ADDRESS MASK VALUE' "
    "or 'wait ADDRESS MASK VALUE'"
)
NUMBERS = {"write": 2, "set": 2, "clear": 2, "field": 3, "wait": 3}
EXTRA_DEFINES = {
    "stm32-lpuart": ("EDGERNN_SERIAL_LPUART",), "esp32c3": ("EDGERNN_ESP32_C3",), "esp32c3-usb": ("EDGERNN_ESP32_C3",),
}  # fmt: skip


def read_serial(links: Table | None, kind: str) -> Serial | None:
    """The table ``links.serial`` of a microcontroller board, if there is one. Raises BoardError."""
    if links is None:
        return None
    table = links.optional_table("serial")
    if table is not None and kind != "mcu":
        raise links.error("serial", "nothing: only boards of kind 'mcu' are reached over one", "a table")
    links.finish()
    if table is None:
        return None
    serial = Serial(
        table.choice("driver", tuple(SERIAL_DRIVERS)),
        table.integer("address", 0, WORD),
        table.integer("clock_hz", 1, 10**10),
        table.integer("core_clock_hz", 1, 10**10),
        table.integer("baud", 300, 10**8, default=BAUD),
        table.integer("tx_pin", 0, 255, default=0),
        table.integer("rx_pin", 0, 255, default=0),
        table.text("pins"),
        tuple(_setup(table, text) for text in table.texts("setup", default=())),
    )
    table.finish()
    return serial


def _setup(table: Table, text: str) -> Setup:
    verb, *words = text.split()
    if len(words) != NUMBERS.get(verb, -1) or not all(re.fullmatch(r"0x[0-9a-f_]+|\d+", w) for w in words):
        raise table.error("setup", FORMS, repr(text))
    numbers = [int(word, 0) for word in words]
    if max(numbers) > WORD or numbers[0] % 4:
        raise table.error("setup", "words of 32 bits, the address a multiple of 4", repr(text))
    if verb == "write":
        return Setup(numbers[0], WORD, numbers[1])
    if verb in ("set", "clear"):
        return Setup(numbers[0], numbers[1], numbers[1] if verb == "set" else 0)
    return Setup(numbers[0], numbers[1], numbers[2], verb == "wait")


def serial_defines(serial: Serial, board: str, core: str) -> list[str]:
    """What ``firmware/serve.c`` and the driver are compiled with, as for -D."""
    steps = ",".join(f"{{{s.address:#x}u,{s.mask:#x}u,{s.value:#x}u,{int(s.wait)}u}}" for s in serial.setup)
    lock = ["EDGERNN_DWT_LOCK"] if core == "cortex-m7" else []
    return [
        f"EDGERNN_SERIAL_ADDRESS={serial.address:#x}u", f"EDGERNN_SERIAL_CLOCK_HZ={serial.clock_hz}u",
        f"EDGERNN_SERIAL_BAUD={serial.baud}u", f"EDGERNN_SERIAL_TX_PIN={serial.tx_pin}u",
        f"EDGERNN_SERIAL_RX_PIN={serial.rx_pin}u", f"EDGERNN_CORE_CLOCK_HZ={serial.core_clock_hz}u",
        f'EDGERNN_BOARD="{board[:BOARD_CHARACTERS]}"', f"EDGERNN_SETUP={steps or '{0u,0u,0u,0u}'}",
        *EXTRA_DEFINES.get(serial.driver, ()), *lock,
    ]  # fmt: skip
