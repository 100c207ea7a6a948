//! What the descent that can be seen costs: how much slower a training is whose path is recorded, and the time of a surface.

use std::time::{Duration, Instant};

use descent_engine::isa::Isa;
use descent_engine::landscape::{Cells, Ground, filter_normalised, places};
use descent_engine::trainer::{Directive, EpochReport, Observer, PathPoint, StepReport, Trainer};
use serde_json::json;

use crate::protocol::{Error, Protocol, rounded};
use crate::training::{Stopwatch, paused};
use crate::workload::{self, Workload};

/// Pairs of a recorded and an unrecorded training in a run.
const PAIRS: usize = 5;
/// Places along each axis of the surface, and rows that its loss is a mean over.
const RESOLUTION: usize = 51;
const SAMPLES: usize = 1_000;

/// Keeps every point in memory, as the server's worker does between two reports.
struct Keeper {
    watch: Stopwatch,
    numbers: Vec<f32>,
    halves: Vec<Vec<u16>>,
    n_points: usize,
}

impl Observer for Keeper {
    fn step(&mut self, report: &StepReport) -> Directive {
        self.watch.step(report)
    }

    fn epoch(&mut self, report: &EpochReport<'_>) -> Directive {
        self.watch.epoch(report)
    }

    fn point(&mut self, point: &PathPoint<'_>) {
        self.n_points += 1;
        self.numbers.extend_from_slice(point.numbers);
        self.halves.extend(point.snapshot.map(<[u16]>::to_vec));
    }
}

/// One line for each of W1 and W2 trained from the start, in percent, and one for the surface of W2, in seconds.
pub fn measure(protocol: &Protocol) -> Result<(), Error> {
    for (name, n_epochs) in [("W1", 20), ("W2", 1)] {
        let workload = workload::named(name).ok_or("not a workload")?;
        path(protocol, &workload, n_epochs)?;
    }
    surface(protocol, &workload::named("W2").ok_or("not a workload")?)
}

fn path(protocol: &Protocol, workload: &Workload, n_epochs: u64) -> Result<(), Error> {
    let (spec, dataset, parts) = (
        workload.spec(protocol)?,
        workload.dataset(),
        workload.parts(),
    );
    let most_steps = workload.steps_per_epoch() * workload.epochs * n_epochs;
    let mut n_points = 0;
    let mut seconds = |recorded: bool| -> Result<f64, Error> {
        let trainer = Trainer::new(&spec, dataset.clone(), parts.clone())?;
        let mut trainer = if recorded {
            trainer
        } else {
            trainer.without_path()
        };
        let mut keeper = Keeper {
            watch: Stopwatch::new(
                most_steps,
                Duration::from_secs(60),
                workload.steps_per_epoch(),
            ),
            numbers: Vec::new(),
            halves: Vec::new(),
            n_points: 0,
        };
        let begun = Instant::now();
        let ending = trainer.run(&mut keeper);
        // A training that comes to its end does so after the last step.
        if !ending.has_model() {
            paused(ending)?;
        }
        n_points = n_points.max(keeper.n_points);
        let watch = keeper.watch;
        Ok(if watch.steps > 0 {
            watch.trained
        } else {
            begun.elapsed()
        }
        .as_secs_f64())
    };
    seconds(true)?;
    let mut runs = Vec::new();
    for _ in 0..protocol.runs {
        let mut slower: Vec<f64> = (0..PAIRS)
            .map(|_| Ok((seconds(true)? / seconds(false)? - 1.0) * 100.0))
            .collect::<Result<_, Error>>()?;
        slower.sort_by(f64::total_cmp);
        runs.push(slower[PAIRS / 2]);
    }
    let title = format!("{}-path", workload.name);
    protocol.report(
        &title,
        "%",
        &runs,
        json!({"steps": most_steps, "points": n_points}),
    );
    Ok(())
}

fn surface(protocol: &Protocol, workload: &Workload) -> Result<(), Error> {
    let (spec, dataset, parts) = (
        workload.spec(protocol)?,
        workload.dataset(),
        workload.parts(),
    );
    let ground = Ground::new(&spec, &dataset, &parts.train, SAMPLES, 0, Isa::detect())?;
    let origin = ground.network().initialise::<f32>(0).values;
    let directions = [0, 1].map(|number| filter_normalised(ground.network(), &origin, 0, number));
    let axis = places(-1.0, 1.0, RESOLUTION);
    let places: Vec<[f64; 2]> = axis
        .iter()
        .flat_map(|&y| axis.iter().map(move |&x| [x, y]))
        .collect();
    let mut runs = Vec::new();
    for _ in 0..protocol.runs {
        let begun = Instant::now();
        let cells = Cells {
            origin: &origin,
            directions: &directions,
            places: &places,
        };
        ground.losses(cells, protocol.cpu.threads, &|_| true)?;
        runs.push(begun.elapsed().as_secs_f64());
    }
    let forward = 2.0 * ground.network().n_trained() as f64;
    let flops = (places.len() * SAMPLES) as f64 * forward;
    runs.sort_by(f64::total_cmp);
    let rate = rounded(flops / runs[runs.len() / 2] / 1e9);
    protocol.report(
        &format!("{}-landscape", workload.name),
        "s",
        &runs,
        json!({"gflop_per_s": rate}),
    );
    Ok(())
}
