//! Samples per second of a training, with the trainer's observer holding the watch.

use std::time::{Duration, Instant};

use descent_engine::trainer::{Directive, Ending, EpochReport, Observer, StepReport, Trainer};
use serde_json::json;

use crate::protocol::{Error, Protocol};
use crate::workload::Workload;

/// Batches before the first counted run.
const WARM_UP: u64 = 10;

/// Steps between two looks at the clock.
const LOOK_EVERY: u64 = 8;

/// Lets a training run for some steps or some time, and counts the time of everything but the measuring at an epoch's end.
pub struct Stopwatch {
    most_steps: u64,
    cap: Duration,
    steps_per_epoch: u64,
    pub steps: u64,
    pub trained: Duration,
    begun: Instant,
}

impl Stopwatch {
    pub fn new(most_steps: u64, cap: Duration, steps_per_epoch: u64) -> Self {
        Self {
            most_steps,
            cap,
            steps_per_epoch,
            steps: 0,
            trained: Duration::ZERO,
            begun: Instant::now(),
        }
    }
}

impl Observer for Stopwatch {
    fn step(&mut self, report: &StepReport) -> Directive {
        self.steps += 1;
        let done = self.steps >= self.most_steps;
        // The trainer measures all rows after this step, and the watch goes on when it has.
        let epoch_ends = report.step.is_multiple_of(self.steps_per_epoch);
        if done || epoch_ends {
            self.trained += self.begun.elapsed();
        }
        let late = || self.trained + self.begun.elapsed() >= self.cap;
        if done {
            Directive::Pause
        } else if !epoch_ends && self.steps.is_multiple_of(LOOK_EVERY) && late() {
            self.trained += self.begun.elapsed();
            Directive::Pause
        } else {
            Directive::Continue
        }
    }

    fn epoch(&mut self, _: &EpochReport<'_>) -> Directive {
        self.begun = Instant::now();
        Directive::Continue
    }
}

/// A trainer of the workload that has warmed up.
pub fn warm(protocol: &Protocol, workload: &Workload) -> Result<Trainer, Error> {
    let mut trainer = Trainer::new(
        &workload.spec(protocol)?,
        workload.dataset(),
        workload.parts(),
    )?;
    let mut watch = Stopwatch::new(WARM_UP, Duration::from_secs(60), workload.steps_per_epoch());
    paused(trainer.run(&mut watch))?;
    Ok(trainer)
}

/// Anything but a pause means that the workload was not trained as it should be.
pub fn paused(ending: Ending) -> Result<(), Error> {
    match ending {
        Ending::Paused => Ok(()),
        other => Err(format!("the training ended: {other:?}").into()),
    }
}

/// One line: samples per second of each run.
pub fn measure(protocol: &Protocol, workload: &Workload) -> Result<(), Error> {
    let mut trainer = warm(protocol, workload)?;
    let most_steps = workload.steps_per_epoch() * workload.epochs;
    let (mut rates, mut with_epoch_ends) = (Vec::new(), Vec::new());
    for _ in 0..protocol.runs {
        let begun = Instant::now();
        let mut watch = Stopwatch::new(most_steps, protocol.cap, workload.steps_per_epoch());
        paused(trainer.run(&mut watch))?;
        let samples = (watch.steps * workload.batch_size as u64) as f64;
        rates.push(samples / watch.trained.as_secs_f64());
        with_epoch_ends.push(samples / begun.elapsed().as_secs_f64());
    }
    with_epoch_ends.sort_by(f64::total_cmp);
    let whole = crate::protocol::median(&with_epoch_ends);
    protocol.report(
        &workload.title(),
        "samples/s",
        &rates,
        json!({"with_epoch_ends": crate::protocol::rounded(whole)}),
    );
    Ok(())
}
