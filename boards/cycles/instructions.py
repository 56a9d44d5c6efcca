"""What a cycle model needs to know of an instruction, from capstone's disassembly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgernn.errors import MissingExtraError

NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    kind         its class, which the tables of ``edgernn.boards.cycles.models`` list
    transfers    words that it moves to or from memory
    wide         whether it has 32 bits
    jumps        whether it may change the program counter; ``conditional`` if it may also not
    backward     whether its target is known and lies before it
    reads        registers, those of the address included; ``address`` are these alone
    shifts       whether it uses the shifter
    """

    address: int
    text: str
    kind: str
    transfers: int = 1
    wide: bool = False
    jumps: bool = False
    conditional: bool = False
    backward: bool = False
    reads: frozenset[str] = NOTHING
    writes: frozenset[str] = NOTHING
    base: frozenset[str] = NOTHING
    shifts: bool = False
    writes_back: bool = False


def decode(family: str, code: bytes, address: int) -> tuple[Instruction, ...]:
    """The instructions of a block. Raises MissingExtraError without capstone."""
    classify = {"cortex-m": _arm, "riscv32": _riscv}[family]
    return tuple(classify(found) for found in _disassembler(family).disasm(code, address))


_DISASSEMBLERS: dict[str, Any] = {}


def _disassembler(family: str) -> Any:
    if family not in _DISASSEMBLERS:
        try:
            import capstone as cs
        except ImportError:
            raise MissingExtraError("capstone", "boards", "estimating cycles") from None
        modes = {
            "cortex-m": (cs.CS_ARCH_ARM, cs.CS_MODE_THUMB | cs.CS_MODE_MCLASS | cs.CS_MODE_V8),
            "riscv32": (cs.CS_ARCH_RISCV, cs.CS_MODE_RISCV32 | cs.CS_MODE_RISCVC),
        }
        made = cs.Cs(*modes[family])
        made.detail = made.skipdata = True
        _DISASSEMBLERS[family] = made
    return _DISASSEMBLERS[family]


ARM_JUMPS = {
    "b": "branch", "bl": "call", "bx": "branch_register", "blx": "branch_register", "cbz": "compare_branch",
    "cbnz": "compare_branch", "tbb": "table_branch", "tbh": "table_branch",
}  # fmt: skip
ARM_PREFIXES = (
    ("vldm", "fp_load_many"), ("vpop", "fp_load_many"), ("vstm", "fp_store_many"), ("vpush", "fp_store_many"),
    ("vldr", "fp_load"), ("vstr", "fp_store"), ("vdiv", "fp_divide"), ("vsqrt", "fp_divide"),
    ("vmla", "fp_multiply_add"), ("vmls", "fp_multiply_add"), ("vfm", "fp_multiply_add"), ("vfnm", "fp_multiply_add"),
    ("vnmla", "fp_multiply_add"), ("vnmls", "fp_multiply_add"), ("v", "fp"),
    ("ldrd", "load_many"), ("strd", "store_many"), ("ldr", "load"), ("str", "store"),
    ("pop", "load_many"), ("ldm", "load_many"), ("push", "store_many"), ("stm", "store_many"),
    ("sdiv", "divide"), ("udiv", "divide"),
    ("umull", "multiply_long"), ("smull", "multiply_long"), ("umlal", "accumulate_long"), ("umaal", "accumulate_long"),
    ("smlal", "accumulate_long"), ("smlsld", "accumulate_long"),
    ("mla", "multiply_add"), ("mls", "multiply_add"), ("smla", "multiply_add"), ("smls", "multiply_add"),
    ("smmla", "multiply_add"), ("smmls", "multiply_add"),
    ("mul", "multiply"), ("smul", "multiply"), ("smmul", "multiply"), ("smuad", "multiply"), ("smusd", "multiply"),
    ("mrs", "system"), ("msr", "system"), ("dsb", "barrier"), ("isb", "barrier"), ("dmb", "barrier"), ("cps", "alu"),
)  # fmt: skip
"""Beginning of a mnemonic -> kind; the first that fits."""

ARM_SHIFTS = ("lsl", "lsr", "asr", "ror", "sxt", "uxt", "ubfx", "sbfx", "bfi", "bfc", "pkh")


def _arm(found: Any) -> Instruction:
    if found.id == 0:  # capstone does not know it
        return Instruction(found.address, f"{found.mnemonic} {found.op_str}", "alu", wide=found.size == 4)
    from capstone import arm

    name = found.mnemonic.split(".")[0]
    registers = [o for o in found.operands if o.type == arm.ARM_OP_REG]
    memory = [o.mem for o in found.operands if o.type == arm.ARM_OP_MEM]
    conditional = found.cc not in (arm.ARM_CC_INVALID, arm.ARM_CC_AL)
    stem = name[:-2] if conditional and name not in ARM_JUMPS else name
    kind = ARM_JUMPS.get(stem) or _arm_kind(stem)
    reads, writes = (frozenset(found.reg_name(r) for r in group) for group in found.regs_access())
    reads |= frozenset(found.reg_name(o.reg) for o in registers[1:]) - (writes if kind == "load_many" else NOTHING)
    base = frozenset(found.reg_name(r) for m in memory for r in (m.base, m.index) if r)
    jumps = kind in ARM_JUMPS.values() or "pc" in writes or ("load" in kind and _loads_pc(found, registers))
    return Instruction(
        found.address, f"{found.mnemonic} {found.op_str}".strip(), kind, _arm_transfers(found, kind, registers),
        found.size == 4, jumps, conditional or kind == "compare_branch", _arm_backward(found), reads, writes, base,
        stem.startswith(ARM_SHIFTS) or any(o.shift.type for o in registers), bool(found.writeback),
    )  # fmt: skip


def _arm_kind(name: str) -> str:
    if name.startswith("it") and set(name[2:]) <= {"t", "e"}:
        return "if_then"
    if name.startswith("nop"):
        return "nop"
    return next((kind for prefix, kind in ARM_PREFIXES if name.startswith(prefix)), "alu")


def _loads_pc(found: Any, registers: list[Any]) -> bool:
    return any(found.reg_name(o.reg) == "pc" for o in registers)


def _arm_transfers(found: Any, kind: str, registers: list[Any]) -> int:
    """Words: a double precision register is two."""
    if kind in ("fp_load", "fp_store"):
        return 2 if found.reg_name(registers[0].reg).startswith("d") else 1
    if not kind.endswith("_many"):
        return 1
    if found.mnemonic.startswith(("ldrd", "strd")):
        return 2
    pushed = found.mnemonic.startswith(("push", "pop", "vpush", "vpop"))
    names = [found.reg_name(o.reg) for o in (registers if pushed else registers[1:])]
    return sum(2 if name.startswith("d") else 1 for name in names)


def _arm_backward(found: Any) -> bool:
    from capstone import arm

    targets = [o.imm for o in found.operands if o.type == arm.ARM_OP_IMM] if found.mnemonic[0] in "bc" else []
    return bool(targets) and targets[-1] <= found.address


RISCV_BRANCHES = ("beq", "bne", "blt", "bge", "ble", "bgt")
RISCV_LOADS, RISCV_STORES = ("lw", "lh", "lb"), ("sw", "sh", "sb")


def _riscv(found: Any) -> Instruction:
    name = found.mnemonic.removeprefix("c.")
    kind = _riscv_kind(name)
    operands = [o for o in found.op_str.replace("(", ",").replace(")", "").replace(" ", "").split(",") if o]
    registers = [o for o in operands if not o.lstrip("-").startswith(tuple("0123456789"))]
    stores = kind in ("store", "branch") or (kind == "jump_register" and name == "jr")
    writes = frozenset() if stores else frozenset(registers[:1])
    two_address = found.mnemonic.startswith("c.") and name not in ("li", "lui", "mv") and "load" not in kind
    reads = frozenset(registers if stores or two_address else registers[1:])
    target = int(operands[-1], 0) if kind == "branch" else 0
    base = frozenset(registers[1:] or (["sp"] if name.endswith("sp") else [])) if kind in ("load", "store") else NOTHING
    return Instruction(
        found.address, f"{found.mnemonic} {found.op_str}".strip(), kind, 1, found.size == 4,
        kind in ("branch", "jump", "jump_register"), kind == "branch", target < 0, reads, writes, base,
    )  # fmt: skip


def _riscv_kind(name: str) -> str:
    if name.startswith(RISCV_BRANCHES):
        return "branch"
    if name in ("j", "jal"):
        return "jump"
    if name in ("jr", "jalr", "ret"):
        return "jump_register"
    if name.startswith(("div", "rem")):
        return "divide"
    if name.startswith("mul"):
        return "multiply" if name == "mul" else "multiply_long"
    if name.startswith(RISCV_LOADS):
        return "load"
    if name.startswith(RISCV_STORES):
        return "store"
    return "system" if name.startswith(("csr", "fence", "e")) else "alu"
