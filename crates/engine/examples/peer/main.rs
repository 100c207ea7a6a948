//! The project as a peer of other libraries: `peer THREADS W1 W2 ...` trains and predicts the workloads of the peer bench and prints one
//! JSON line for each. `make bench` runs it beside the others. The trainings after the word `bf16` are in that precision.
//!
//! It goes the way the server's worker goes: a document becomes a resolved spec, a `Trainer` trains it, an observer watches. Nothing
//! is left out of the step: the shuffled order, the gathering of the batch, the guard, the norm of the gradient and the advice are
//! inside the time. What the trainer does beyond its peers -- at the end of an epoch it measures every row again -- is outside, because the
//! observer stops its watch there.
//!
//! `BENCH_RUNS` is the number of counted runs (5), `BENCH_CAP_S` the most seconds of one (6).

mod descent;
mod prediction;
mod protocol;
mod training;
mod update;
mod workload;

use descent_engine::precision::Precision;

use protocol::{Error, Protocol};

fn main() -> Result<(), Error> {
    let mut words = std::env::args().skip(1);
    let threads: usize = words
        .next()
        .and_then(|word| word.parse().ok())
        .filter(|&threads| threads > 0)
        .ok_or("usage: peer THREADS W1 W2 W2b32 W3 W6 W7 update descent bf16 W2 ...")?;
    let protocol = Protocol::from_environment(threads)?;
    let mut precision = Precision::F32;
    for name in words {
        match name.as_str() {
            "bf16" => precision = Precision::Bf16,
            "W7" => prediction::measure(&protocol)?,
            "update" => update::measure(&protocol)?,
            "descent" => descent::measure(&protocol)?,
            // A workload of the peers that this project has no answer to is no failure of the others.
            name => match workload::named(name) {
                Some(workload) => {
                    training::measure(&protocol, &workload.with_precision(precision))?;
                }
                None => eprintln!("{name}: not a workload of this bench; skipped"),
            },
        }
    }
    Ok(())
}
