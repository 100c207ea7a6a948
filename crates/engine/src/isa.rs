//! Which vector instructions the kernels use: chosen once, handed in, never looked up while computing.
//!
//! Only the matrix product gives different bits on different instruction sets (it uses fused multiply-add where the
//! machine has it, and products of pairs or tiles of bfloat16 where it was asked to round and they are faster); all other
//! kernels do the same operations in the same order everywhere. [`Isa::PORTABLE`] gives the same bits on every x86-64
//! machine.

use crate::precision::Precision;

#[cfg(target_arch = "x86_64")]
mod amx;

/// A set of vector instructions this machine is known to have, and what products multiply with them.
///
/// The fields are private: a set beyond the portable one can only come from [`Isa::detect`] or [`Isa::all`], which looked. That is what
/// makes the calls in `kernel!` sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa {
    level: Level,
    pairing: Pairing,
    precision: Precision,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Portable,
    Avx2,
    Avx512,
}

/// What multiplies pairs of bfloat16; each but the first goes with AVX-512, and the last with the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pairing {
    /// Nothing, or not faster than numbers: rounded numbers are multiplied as f32.
    None,
    /// AVX512_BF16: a vector of pairs.
    Vectors,
    /// AMX: a tile of pairs.
    Tiles,
}

impl Isa {
    /// What every x86-64 machine has; slower, and bit-equal on all of them.
    pub const PORTABLE: Isa = Isa::of(Level::Portable, Pairing::None);

    const fn of(level: Level, pairing: Pairing) -> Isa {
        Isa {
            level,
            pairing,
            precision: Precision::F32,
        }
    }

    /// The fastest set this machine has.
    pub fn detect() -> Isa {
        let (level, pairing) = available();
        let pairing = match pairing {
            Pairing::Vectors if pairs_are_slow() => Pairing::None,
            pairing => pairing,
        };
        Isa::of(level, pairing)
    }

    /// The same instructions for products of this precision; nothing else changes.
    pub fn with_precision(self, precision: Precision) -> Isa {
        Isa { precision, ..self }
    }

    /// What products multiply.
    pub fn precision(self) -> Precision {
        self.precision
    }

    /// Name in a run's record: `portable`, `avx2`, `avx512`, with the pairs of AVX512_BF16 `avx512_bf16`, and with the tiles of AMX
    /// `avx512_amx`.
    pub fn name(self) -> &'static str {
        match (self.level, self.pairing) {
            (Level::Portable, _) => "portable",
            (Level::Avx2, _) => "avx2",
            (Level::Avx512, Pairing::None) => "avx512",
            (Level::Avx512, Pairing::Vectors) => "avx512_bf16",
            (Level::Avx512, Pairing::Tiles) => "avx512_amx",
        }
    }

    /// The set with this name, when this machine has it; `native` is the fastest one.
    pub fn named(name: &str) -> Option<Isa> {
        match name {
            "native" => Some(Isa::detect()),
            _ => Isa::all().find(|set| set.name() == name),
        }
    }

    /// Every set that this machine has, the portable one first.
    pub fn all() -> impl Iterator<Item = Isa> {
        let (level, pairing) = available();
        let sets = [
            Isa::PORTABLE,
            Isa::of(Level::Avx2, Pairing::None),
            Isa::of(Level::Avx512, Pairing::None),
            Isa::of(Level::Avx512, Pairing::Vectors),
            Isa::of(Level::Avx512, Pairing::Tiles),
        ];
        sets.into_iter()
            .filter(move |set| set.level <= level && set.pairing <= pairing)
    }

    pub(crate) fn level(self) -> Level {
        self.level
    }

    /// What the set multiplies pairs of bfloat16 with.
    pub(crate) fn pairing(self) -> Pairing {
        self.pairing
    }
}

/// All that this machine has.
fn available() -> (Level, Pairing) {
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx512f")
            && std::arch::is_x86_feature_detected!("avx512vl")
            && std::arch::is_x86_feature_detected!("avx512dq")
            && std::arch::is_x86_feature_detected!("avx512bw")
            && std::arch::is_x86_feature_detected!("fma")
        {
            let pairing = if !std::arch::is_x86_feature_detected!("avx512bf16") {
                Pairing::None
            } else if amx::is_usable() {
                Pairing::Tiles
            } else {
                Pairing::Vectors
            };
            return (Level::Avx512, pairing);
        }
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
        {
            return (Level::Avx2, Pairing::None);
        }
    }
    (Level::Portable, Pairing::None)
}

/// Whether a vector of pairs takes longer than two of numbers. So it is with Intel's processors since those that have AMX, also where a
/// virtual machine hides that: two cycles for 32 products, in which two multiply-adds a cycle make 64. They are known by AVX512_FP16, which
/// came with AMX.
#[cfg(target_arch = "x86_64")]
fn pairs_are_slow() -> bool {
    let is_intel = || {
        let vendor = std::arch::x86_64::__cpuid(0);
        [vendor.ebx, vendor.edx, vendor.ecx]
            .map(u32::to_le_bytes)
            .as_flattened()
            == b"GenuineIntel"
    };
    std::arch::is_x86_feature_detected!("avx512fp16") && is_intel()
}

/// Other processors have no pairs.
#[cfg(not(target_arch = "x86_64"))]
fn pairs_are_slow() -> bool {
    false
}

/// The processor as a plan may use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpu {
    /// Vector instructions.
    pub isa: Isa,
    /// Threads, at least 1. The number changes the speed, never a bit of the result.
    pub threads: usize,
}

impl Cpu {
    /// The best instructions of this machine and `threads` threads.
    pub fn native(threads: usize) -> Cpu {
        Cpu {
            isa: Isa::detect(),
            threads: threads.max(1),
        }
    }

    /// The instructions every x86-64 machine has and `threads` threads.
    pub fn portable(threads: usize) -> Cpu {
        Cpu {
            isa: Isa::PORTABLE,
            threads: threads.max(1),
        }
    }

    /// The same, for products of this precision.
    pub fn with_precision(self, precision: Precision) -> Cpu {
        Cpu {
            isa: self.isa.with_precision(precision),
            ..self
        }
    }
}

/// Writes a function whose body is compiled once per instruction set, for f64 once in all; its first argument chooses.
///
/// `kernel! { pub fn double[T: Real](values: &mut [T]) { ... } }` is called as `double(isa, values)`. Everything that
/// the body calls must be `#[inline(always)]`, or it is compiled for the portable set only.
///
/// After `with M of T` the body may use `M`, the [`Micro`](crate::gemm::micro::Micro) of `T` for the set it is compiled for.
macro_rules! kernel {
    ($(#[$meta:meta])* $vis:vis fn $name:ident [$($generics:tt)*] with $m:ident of $t:ident ($($arg:ident: $ty:ty),* $(,)?) $body:block) => {
        $crate::isa::kernel! {
            @ [$(#[$meta])*] [$vis] $name [$m: $crate::gemm::micro::Micro<$t>] [$($generics)*]
            [
                <$t as $crate::gemm::micro::Loops>::Portable,
                <$t as $crate::gemm::micro::Loops>::Avx2,
                <$t as $crate::gemm::micro::Loops>::Avx512
            ]
            ($($arg: $ty),*) [()] $body
        }
    };
    ($(#[$meta:meta])* $vis:vis fn $name:ident [$($generics:tt)*] ($($arg:ident: $ty:ty),* $(,)?) $body:block) => {
        $crate::isa::kernel! {
            @ [$(#[$meta])*] [$vis] $name [NoLoops: Copy] [$($generics)*] [(), (), ()] ($($arg: $ty),*) [()] $body
        }
    };
    ($(#[$meta:meta])* $vis:vis fn $name:ident [$($generics:tt)*] ($($arg:ident: $ty:ty),* $(,)?) -> $ret:ty $body:block) => {
        $crate::isa::kernel! {
            @ [$(#[$meta])*] [$vis] $name [NoLoops: Copy] [$($generics)*] [(), (), ()] ($($arg: $ty),*) [$ret] $body
        }
    };
    (@ [$(#[$meta:meta])*] [$vis:vis] $name:ident [$loops:ident: $bound:path] [$($generics:tt)*]
     [$portable:ty, $avx2:ty, $avx512:ty] ($($arg:ident: $ty:ty),*) [$ret:ty] $body:block) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $vis fn $name<$($generics)*>(isa: $crate::isa::Isa, $($arg: $ty),*) -> $ret {
            use std::marker::PhantomData;

            #[allow(clippy::too_many_arguments)]
            #[inline(always)]
            fn body<$loops: $bound, $($generics)*>(_loops: PhantomData<$loops>, $($arg: $ty),*) -> $ret $body

            #[cfg(target_arch = "x86_64")]
            #[allow(clippy::too_many_arguments)]
            #[target_feature(enable = "avx2,fma")]
            fn avx2<$($generics)*>($($arg: $ty),*) -> $ret {
                body(PhantomData::<$avx2>, $($arg),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[allow(clippy::too_many_arguments)]
            #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
            fn avx512<$($generics)*>($($arg: $ty),*) -> $ret {
                body(PhantomData::<$avx512>, $($arg),*)
            }

            #[cfg(target_arch = "x86_64")]
            if $crate::isa::has_vectors!($($generics)*) {
                match isa.level() {
                    $crate::isa::Level::Portable => {}
                    // SAFETY: an `Isa` of this level exists only after `available` found these instructions.
                    $crate::isa::Level::Avx2 => return unsafe { avx2($($arg),*) },
                    // SAFETY: as above.
                    $crate::isa::Level::Avx512 => return unsafe { avx512($($arg),*) },
                }
            }
            #[cfg(not(target_arch = "x86_64"))]
            let _ = isa;
            body(PhantomData::<$portable>, $($arg),*)
        }
    };
}
pub(crate) use kernel;

/// Whether a kernel with these type parameters, the type of numbers first and called T, is compiled for vector instructions: of numbers that have none it is not.
#[cfg(target_arch = "x86_64")]
macro_rules! has_vectors {
    (T: Real $($others:tt)*) => {
        <T as $crate::element::Real>::HAS_VECTORS
    };
    ($($others:tt)*) => {
        true
    };
}
#[cfg(target_arch = "x86_64")]
pub(crate) use has_vectors;
