"""The code that answers for the clock in a patched process: x86-64, assembled by hand, with a reason for every
instruction.

The vDSO's own code reads the time from memory that the kernel maps into all processes, so it cannot be shifted for one
of them. The stub makes the real system call instead and adds an offset. It is entered by a jump over the first bytes of
a vDSO function, so it has that function's contract (System V ABI): arguments in rdi and rsi, result in rax; rbx, rbp,
r12 to r15 and the stack pointer as they were. It uses rax, rcx, rdx, rdi, rsi, r8 to r11 and little stack (Go calls the
vDSO on a stack of its own, with this same contract).

The data in front of the code, at a 16-byte boundary:

    0   magic       8 bytes: a process that has the stub is known by them, also one that inherited it through fork
    8   slots       2 x int64, nanoseconds
    24  selector    1 byte: which slot is in force

An offset is written into the slot that is not in force, and then the selector, one byte, is flipped: a thread reads the
old offset or the new one, never half of each. An assembler would be a build dependency for 200 bytes; the tests
execute them in a page of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

MAGIC = b"splitbr1"
SLOTS_AT = 8
SELECTOR_AT = 24
CODE_AT = 32

FUNCTIONS = ("clock_gettime", "gettimeofday", "time")
"""What is patched. `clock_getres`, `getcpu` and `getrandom` tell no time."""

_WALL_CLOCKS = (1 << 0) | (1 << 5) | (1 << 8) | (1 << 11)
"""The clock ids that are wall clocks: REALTIME 0, REALTIME_COARSE 5, REALTIME_ALARM 8, TAI 11 (REALTIME and 37 leap
seconds).
"""


@dataclass(frozen=True, slots=True)
class _Label:
    name: str


@dataclass(frozen=True, slots=True)
class _Jump:
    """A jump or call to a label or, for data, a rip-relative operand. `opcode` in hex; `width` is that of the
    displacement, in bytes.
    """

    opcode: str
    label: str
    width: int = 1


_Item = str | _Label | _Jump

_MAGNITUDE = "00 ca 9a 3b"
"""1,000,000,000 as a 32-bit immediate."""

_ADD_OFFSET: tuple[_Item, ...] = (
    # r8 = true time in ns since the epoch. Returns rax = whole seconds, rdx = nanoseconds of the shifted time; changes
    # rcx and r9.
    _Label("shift"),
    _Jump("0f b6 0d", "selector", 4),  # movzx ecx, byte [rip + selector]   which slot is in force
    _Jump("4c 8d 0d", "slots", 4),  #     lea r9, [rip + slots]
    "4d 03 04 c9",  #                     add r8, [r9 + 8*rcx]               one aligned 8-byte load: never torn
    "4c 89 c0",  #                        mov rax, r8
    "48 99",  #                           cqo                                rdx:rax = the sum, as idiv wants it
    f"b9 {_MAGNITUDE}",  #                mov ecx, 1000000000
    "48 f7 f9",  #                        idiv rcx                           rax = seconds, rdx = rest, signed
    "48 85 d2",  #                        test rdx, rdx
    _Jump("79", "floored"),  #            jns floored
    "48 01 ca",  #                        add rdx, rcx                       before 1970: idiv rounds towards zero
    "48 ff c8",  #                        dec rax
    _Label("floored"),
    "c3",  #                              ret
)

_CLOCK_GETTIME: tuple[_Item, ...] = (
    # int clock_gettime(clockid_t edi, struct timespec *rsi)
    _Label("clock_gettime"),
    "b8 e4 00 00 00",  #                  mov eax, 228                       SYS_clock_gettime, same arguments
    "0f 05",  #                           syscall                            keeps edi and rsi, changes rcx and r11
    "85 c0",  #                           test eax, eax
    _Jump("75", "gettime_done"),  #       jnz gettime_done                   an error: hand it on as it is
    "83 ff 0b",  #                        cmp edi, 11
    _Jump("77", "gettime_done"),  #       ja gettime_done                    unsigned: dynamic clocks are negative ids
    f"b9 {_WALL_CLOCKS.to_bytes(4, 'little').hex(' ')}",  # mov ecx, the wall clocks' bits
    "0f a3 f9",  #                        bt ecx, edi                        carry = is it a wall clock?
    _Jump("73", "gettime_done"),  #       jnc gettime_done                   not a wall clock: the truth; eax is 0
    f"4c 69 06 {_MAGNITUDE}",  #          imul r8, [rsi], 1000000000         seconds in ns; int64 lasts until 2262
    "4c 03 46 08",  #                     add r8, [rsi + 8]                  and the nanoseconds
    _Jump("e8", "shift", 4),  #           call shift
    "48 89 06",  #                        mov [rsi], rax
    "48 89 56 08",  #                     mov [rsi + 8], rdx
    "31 c0",  #                           xor eax, eax                       success
    _Label("gettime_done"),
    "c3",  #                              ret
)

_GETTIMEOFDAY: tuple[_Item, ...] = (
    # int gettimeofday(struct timeval *rdi, struct timezone *rsi); either may be null
    _Label("gettimeofday"),
    "b8 60 00 00 00",  #                  mov eax, 96                        SYS_gettimeofday
    "0f 05",  #                           syscall
    "85 c0",  #                           test eax, eax
    _Jump("75", "timeofday_done"),  #     jnz timeofday_done
    "48 85 ff",  #                        test rdi, rdi
    _Jump("74", "timeofday_done"),  #     jz timeofday_done                  only the time zone was asked for; eax is 0
    "4c 69 47 08 e8 03 00 00",  #         imul r8, [rdi + 8], 1000           microseconds in ns
    f"4c 69 17 {_MAGNITUDE}",  #          imul r10, [rdi], 1000000000
    "4d 01 d0",  #                        add r8, r10
    _Jump("e8", "shift", 4),  #           call shift
    "48 89 07",  #                        mov [rdi], rax
    "48 89 d0",  #                        mov rax, rdx
    "31 d2",  #                           xor edx, edx                       rdx:rax = nanoseconds, never negative
    "b9 e8 03 00 00",  #                  mov ecx, 1000
    "48 f7 f9",  #                        idiv rcx
    "48 89 47 08",  #                     mov [rdi + 8], rax                 microseconds
    "31 c0",  #                           xor eax, eax
    _Label("timeofday_done"),
    "c3",  #                              ret
)

_TIME: tuple[_Item, ...] = (
    # time_t time(time_t *rdi); may be null. SYS_time has whole seconds only, to which no offset can be added: so by way
    # of clock_gettime.
    _Label("time"),
    "49 89 fa",  #                        mov r10, rdi                       r10 outlives the system call
    "48 83 ec 18",  # sub rsp, 24   a timespec of our own, and the stack aligned to 16
    "bf 05 00 00 00",  #                  mov edi, 5                         CLOCK_REALTIME_COARSE, what time() reads
    "48 89 e6",  #                        mov rsi, rsp
    _Jump("e8", "clock_gettime", 4),  #   call clock_gettime                 cannot fail with these arguments
    "48 8b 04 24",  #                     mov rax, [rsp]
    "48 83 c4 18",  #                     add rsp, 24
    "4d 85 d2",  #                        test r10, r10
    _Jump("74", "time_done"),  #          jz time_done
    "49 89 02",  #                        mov [r10], rax
    _Label("time_done"),
    "c3",  #                              ret
)

_PROGRAM = (*_ADD_OFFSET, *_CLOCK_GETTIME, *_GETTIMEOFDAY, *_TIME)


def _size(item: _Item) -> int:
    if isinstance(item, _Label):
        return 0
    if isinstance(item, _Jump):
        return len(bytes.fromhex(item.opcode)) + item.width
    return len(bytes.fromhex(item))


def assemble() -> tuple[bytes, dict[str, int]]:
    """The stub with its data (offset zero), and where in it each function of `FUNCTIONS` begins.
    Position-independent.
    """
    places = {"slots": SLOTS_AT, "selector": SELECTOR_AT}
    at = CODE_AT
    for item in _PROGRAM:
        if isinstance(item, _Label):
            places[item.name] = at
        at += _size(item)
    code = bytearray(MAGIC.ljust(CODE_AT, b"\0"))
    for item in _PROGRAM:
        if isinstance(item, _Jump):
            after = len(code) + _size(item)
            code += bytes.fromhex(item.opcode) + (places[item.label] - after).to_bytes(
                item.width, "little", signed=True
            )
        elif isinstance(item, str):
            code += bytes.fromhex(item)
    return bytes(code), {name: places[name] for name in FUNCTIONS}
