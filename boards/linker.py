"""The linker script of a board, written from its memory map."""

from __future__ import annotations

from collections.abc import Sequence

from edgernn.boards.manifest import Memory, Region

ENTRY = "edgernn_reset"
INTERFACE_SECTION = ".edgernn.interface"
LAYOUT_SECTION = ".edgernn.layout"
BOOT_SECTION = ".edgernn.boot"

DEFINED = frozenset(
    [
        "edgernn_data_load", "edgernn_data_start", "edgernn_data_end", "edgernn_bss_start", "edgernn_bss_end",
        "edgernn_stack_limit", "edgernn_stack_top", "__global_pointer$",
    ]
)  # fmt: skip
"""Symbols that the script defines."""

# The two INFO sections are in the file for the host and not in the memory of the board.
_SECTIONS = """\
SECTIONS
{{
    {interface} 0 (INFO) : {{ KEEP(*(.rodata.*_interface)) }}
    {layout} 0 (INFO) : {{ KEEP(*(.edgernn.layout)) }}
{boot}    .vectors : {{ KEEP(*(.vectors)) }} > FLASH
    .text : {{ *(.text.edgernn_reset) . = ALIGN(4); KEEP(*(.edgernn.image)) *(.text .text.*) }} > FLASH
    .rodata : {{ *(.rodata .rodata.* .srodata .srodata.*) }} > {constants}
    .data : ALIGN(8)
    {{
        edgernn_data_start = .;
        *(.data .data.* .sdata .sdata.*)
        . = ALIGN(8);
        edgernn_data_end = .;
    }} > RAM AT > {constants}
    edgernn_data_load = LOADADDR(.data);
    .bss (NOLOAD) : ALIGN(8)
    {{
        edgernn_bss_start = .;
        *(.bss .bss.* .sbss .sbss.* COMMON)
        . = ALIGN(8);
        edgernn_bss_end = .;
    }} > RAM
    __global_pointer$ = edgernn_data_start + 0x800;
    edgernn_stack_top = (ORIGIN(RAM) + LENGTH(RAM)) & ~15;
    edgernn_stack_limit = edgernn_stack_top - {stack_bytes};
    ASSERT(edgernn_bss_end <= edgernn_stack_limit, "variables and stack do not fit in RAM")
    /DISCARD/ : {{ *(.ARM.exidx* .ARM.extab* .eh_frame* .comment .note*) }}
}}
"""


def linker_script(memory: Memory, roots: Sequence[str], stack_bytes: int, boot_bytes: int = 0) -> str:
    """A script that keeps the functions ``roots`` and what they use, and leaves ``stack_bytes`` to the stack.

    ``boot_bytes`` is the size of the boot loader that goes with the program, where flash is reserved for one.
    """
    regions = [_region("FLASH", "rx", memory.flash), _region("RAM", "rw", memory.ram)]
    if memory.constants is not None:
        regions.append(_region("CONSTANTS", "r", memory.constants))
    if boot_bytes:
        regions.append(_region("BOOT", "rx", Region(memory.flash.address, boot_bytes)))
    sections = _SECTIONS.format(
        boot=f"    {BOOT_SECTION} : {{ KEEP(*({BOOT_SECTION})) }} > BOOT\n" if boot_bytes else "",
        interface=INTERFACE_SECTION,
        layout=LAYOUT_SECTION,
        constants="CONSTANTS" if memory.constants is not None else "FLASH",
        stack_bytes=stack_bytes,
    )
    keep = f"EXTERN({' '.join(roots)})\n" if roots else ""
    return f"ENTRY({ENTRY})\n{keep}MEMORY\n{{\n" + "".join(regions) + "}\n" + sections


def _region(name: str, access: str, region: Region) -> str:
    return f"    {name} ({access}) : ORIGIN = {region.start:#x}, LENGTH = {region.end - region.start:#x}\n"
