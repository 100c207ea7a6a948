//! Whether this process may use AMX: tiles of registers, and their products of bfloat16 (Intel's manual, "Intel AMX").

use std::arch::asm;
use std::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};
use std::sync::OnceLock;

/// Whether the processor multiplies tiles of bfloat16 and the system keeps them for this process. The system gives their
/// room only to a process that asks, so the first call asks, once for all threads.
pub(super) fn is_usable() -> bool {
    static USABLE: OnceLock<bool> = OnceLock::new();
    *USABLE.get_or_init(|| is_there() && is_permitted())
}

/// Whether the processor has the instructions and the system saves the registers.
fn is_there() -> bool {
    const OSXSAVE: u32 = 1 << 27;
    const AMX_BF16: u32 = 1 << 22;
    const AMX_TILE: u32 = 1 << 24;
    /// Configuration and data of tiles.
    const TILES: u64 = 1 << 17 | 1 << 18;
    if __cpuid(0).eax < 7 || __cpuid(1).ecx & OSXSAVE == 0 {
        return false;
    }
    let wanted = AMX_BF16 | AMX_TILE;
    // SAFETY: a system that has set OSXSAVE lets programs read which registers it saves.
    let saved = unsafe { saved_registers() };
    __cpuid_count(7, 0).edx & wanted == wanted && saved & TILES == TILES
}

/// # Safety
///
/// The system has set OSXSAVE.
#[target_feature(enable = "xsave")]
unsafe fn saved_registers() -> u64 {
    // SAFETY: the caller vouches for the instruction.
    unsafe { _xgetbv(0) }
}

/// Asks Linux for the room that tiles take when a thread is interrupted.
#[cfg(target_os = "linux")]
fn is_permitted() -> bool {
    const ARCH_PRCTL: u64 = 158;
    const ARCH_REQ_XCOMP_PERM: u64 = 0x1023;
    const TILE_DATA: u64 = 18;
    let answer: i64;
    // SAFETY: the call reads two numbers and no memory, and changes nothing but what the system saves for this process; a
    // system that does not know it answers with an error. The instruction changes the registers that are named here.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL as i64 => answer,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") TILE_DATA,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    answer == 0
}

/// Other systems are not asked.
#[cfg(not(target_os = "linux"))]
fn is_permitted() -> bool {
    false
}
