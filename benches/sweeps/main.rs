//! How well sweeps search: TPE beside random draws at the same number of runs, and ASHA beside the same draws trained to their end, on real
//! sets of `../shared/data`. What is tried comes from the functions that the service asks (`sweeps::proposal`), and every child is trained as
//! the worker does it.
//!
//! `cargo bench --bench sweeps -- titanic --repeats 3 --runs 40 --threads 2` measures only the cases named. One JSON line per case goes to the
//! standard output, what happens meanwhile to standard error.

mod cases;
mod search;
#[path = "../learning/source.rs"]
#[allow(dead_code)]
mod source;
#[path = "../learning/training.rs"]
mod training;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use anyhow::{Context, ensure};
use descent::sweeps::Strategy;
use descent_engine::isa::Isa;
use serde_json::json;

use cases::Case;
use search::Found;
use source::Source;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What is asked on the command line.
struct Asked {
    cases: Vec<String>,
    repeats: u64,
    runs: u64,
    threads: u64,
}

fn asked() -> anyhow::Result<Asked> {
    let mut asked = Asked {
        cases: Vec::new(),
        repeats: 10,
        runs: 50,
        threads: std::thread::available_parallelism().map_or(1, usize::from) as u64,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = |name: &str| -> anyhow::Result<u64> {
            Ok(words.next().with_context(|| format!("{name} N"))?.parse()?)
        };
        match word.as_str() {
            // Cargo says this to every bench.
            "--bench" => {}
            "--repeats" => asked.repeats = number("--repeats")?,
            "--runs" => asked.runs = number("--runs")?,
            "--threads" => asked.threads = number("--threads")?,
            case => asked.cases.push(case.to_owned()),
        }
    }
    Ok(asked)
}

fn main() -> anyhow::Result<()> {
    let asked = asked()?;
    let known = cases::all();
    for name in &asked.cases {
        ensure!(
            known.iter().any(|case| case.name == name),
            "no case is called `{name}`"
        );
    }
    for case in &known {
        if asked.cases.is_empty() || asked.cases.iter().any(|name| name == case.name) {
            match source::table(case.file, &case.spec["task"])? {
                Some(source) => measure(case, &source, &asked)?,
                None => eprintln!("skipped: {}, whose data is not there", case.name),
            }
        }
    }
    Ok(())
}

/// What the three strategies found from one seed.
struct Repeat {
    random: Found,
    tpe: Found,
    asha: Found,
}

fn measure(case: &Case, source: &Source, asked: &Asked) -> anyhow::Result<()> {
    let begun = Instant::now();
    let repeats = in_parallel(asked, |seed| {
        let search = |strategy| search::run(case, source, strategy, seed, asked.runs);
        let repeat = Repeat {
            random: search(Strategy::Random {})?,
            tpe: search(Strategy::Tpe {
                startup: 10,
                candidates: 24,
            })?,
            asha: search(Strategy::Asha {
                reduction: 3,
                min_epochs: case.min_epochs,
            })?,
        };
        eprintln!(
            "{} seed {seed}: random {:.5}, tpe {:.5}, asha {:.5} with {:.2} of the steps",
            case.name,
            repeat.random.best,
            repeat.tpe.best,
            repeat.asha.best,
            repeat.asha.steps as f64 / repeat.random.steps as f64
        );
        Ok(repeat)
    })?;
    let each = |of: &dyn Fn(&Repeat) -> f64| -> Vec<f64> { repeats.iter().map(of).collect() };
    let line = json!({
        "case": case.name, "what": case.what, "runs": asked.runs, "repeats": asked.repeats, "epochs": case.spec["training"]["epochs"],
        "random": each(&|one| one.random.best), "tpe": each(&|one| one.tpe.best), "asha": each(&|one| one.asha.best),
        "steps": each(&|one| one.asha.steps as f64 / one.random.steps as f64),
        "worse": each(&|one| one.asha.best / one.random.best - 1.0),
        "seconds": begun.elapsed().as_secs_f64(), "threads": asked.threads, "isa": Isa::detect().name(),
        "at": SystemTime::UNIX_EPOCH.elapsed()?.as_secs(), "spec": case.spec, "space": case.space,
    });
    println!("{line}");
    Ok(())
}

/// The repeats of a case, by their seeds: each runs on one thread, and a free thread takes the next.
fn in_parallel(
    asked: &Asked,
    repeat: impl Fn(u64) -> anyhow::Result<Repeat> + Sync,
) -> anyhow::Result<Vec<Repeat>> {
    let next = AtomicU64::new(0);
    let work = || -> anyhow::Result<Vec<(u64, Repeat)>> {
        let mut done = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= asked.repeats {
                return Ok(done);
            }
            done.push((seed, repeat(seed)?));
        }
    };
    let mut all = std::thread::scope(|scope| -> anyhow::Result<Vec<(u64, Repeat)>> {
        let threads: Vec<_> = (0..asked.threads).map(|_| scope.spawn(work)).collect();
        let mut all = Vec::new();
        for thread in threads {
            // A panic there was printed; the bench ends with it.
            all.extend(
                thread
                    .join()
                    .map_err(|_| anyhow::anyhow!("a repeat panicked"))??,
            );
        }
        Ok(all)
    })?;
    all.sort_by_key(|(seed, _)| *seed);
    Ok(all.into_iter().map(|(_, repeat)| repeat).collect())
}
