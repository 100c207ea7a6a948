//! How well networks learn `../shared/data`: accuracy on the test part, the mean over three seeds, one stated spec for each case. Minutes to an
//! hour, so it is a bench; `tests/learning` keeps a fast case of each.
//!
//! `cargo bench --bench learning -- fashion-mlp digits --seeds 1 --threads 2` trains only the cases named. One JSON line per case goes to the
//! standard output, what happens meanwhile to standard error.

mod cases;
mod documents;
// The tests of what is learned read more sets than the bench.
#[allow(dead_code)]
mod source;
mod training;

use std::time::{Instant, SystemTime};

use anyhow::{Context, ensure};
use descent_engine::isa::Isa;
use descent_engine::trainer::{Directive, EpochReport, Observer};
use serde_json::json;

use cases::Case;
use source::Source;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What is asked on the command line.
struct Asked {
    cases: Vec<String>,
    seeds: u64,
    threads: u64,
}

fn asked() -> anyhow::Result<Asked> {
    let mut asked = Asked {
        cases: Vec::new(),
        seeds: 3,
        threads: std::thread::available_parallelism().map_or(1, usize::from) as u64,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            // Cargo says this to every bench.
            "--bench" => {}
            "--seeds" => asked.seeds = words.next().context("--seeds N")?.parse()?,
            "--threads" => asked.threads = words.next().context("--threads N")?.parse()?,
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
            match (case.source)()? {
                Some(source) => measure(case, &source, &asked)?,
                None => eprintln!("skipped: {}, whose data is not there", case.name),
            }
        }
    }
    Ok(())
}

fn measure(case: &Case, source: &Source, asked: &Asked) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut accuracies = Vec::new();
    let mut epochs = 0;
    for seed in 0..asked.seeds {
        let (accuracy, done) = train(case, source, seed, asked.threads)?;
        eprintln!("{} seed {seed}: {accuracy:.4}", case.name);
        accuracies.push(accuracy);
        epochs = done;
    }
    let mean = accuracies.iter().sum::<f64>() / accuracies.len() as f64;
    let line = json!({
        "case": case.name, "what": case.what, "accuracies": accuracies, "mean": mean, "goal": case.goal, "epochs": epochs,
        "seconds": begun.elapsed().as_secs_f64(), "threads": asked.threads, "isa": Isa::detect().name(),
        "at": SystemTime::UNIX_EPOCH.elapsed()?.as_secs(), "spec": case.spec,
    });
    println!("{line}");
    Ok(())
}

/// The accuracy on the test part after a training from one seed, with the epochs done.
fn train(case: &Case, source: &Source, seed: u64, threads: u64) -> anyhow::Result<(f64, u32)> {
    let mut document = case.spec.clone();
    document["dataset"] = json!(case.name);
    document["training"]["seed"] = json!(seed);
    document["resources"] = json!({"threads": threads});
    let trained = training::train(source, document, &mut Progress(Instant::now()))?;
    Ok((training::metric(&trained, "test_accuracy")?, trained.epochs))
}

/// Says how an epoch went.
struct Progress(Instant);

impl Observer for Progress {
    fn epoch(&mut self, report: &EpochReport<'_>) -> Directive {
        let metrics: Vec<String> = (report.metrics.iter())
            .filter(|(name, _)| name.ends_with("loss") || name.ends_with("n_accuracy"))
            .map(|(name, value)| format!("{name} {value:.4}"))
            .collect();
        let seconds = self.0.elapsed().as_secs_f64();
        eprintln!(
            "  epoch {}, {seconds:.0} s: {}",
            report.epoch,
            metrics.join(", ")
        );
        Directive::Continue
    }
}
