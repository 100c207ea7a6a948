//! What the optimizer's pass over parameters, gradients and state adds to a step: the time of a step less the time of its gradients,
//! taken in turn so that a drifting machine cancels out.

use std::time::Instant;

use descent_engine::op::StepKey;
use descent_engine::optimizer::{Optimizer, OptimizerState};
use descent_engine::plan::{Targets, TrainPlan};
use descent_engine::rng::{Purpose, Stream};
use descent_engine::weights;
use serde_json::json;

use crate::protocol::{Error, Protocol, median, rounded};
use crate::workload::{self, Answer, Workload};

/// Pairs of a step and its gradients alone.
const PAIRS: usize = 15;

/// One line for each of W2, W3 and W6: milliseconds of the update, of the gradients alone beside it.
pub fn measure(protocol: &Protocol) -> Result<(), Error> {
    for name in ["W2", "W3", "W6"] {
        let workload = workload::named(name).ok_or("not a workload")?;
        profile(protocol, &workload)?;
    }
    Ok(())
}

fn profile(protocol: &Protocol, workload: &Workload) -> Result<(), Error> {
    let (spec, dataset) = (workload.spec(protocol)?, workload.row());
    let network = weights::network(&spec, dataset.sample_shape, dataset.targets.outcome())?;
    let loss = spec.loss.as_ref().ok_or("the spec has no loss")?;
    let optimizer: &Optimizer = &spec.optimizer.as_ref().ok_or("no optimizer")?.rule;
    let rows = workload.batch_size;
    let mut plan = TrainPlan::<f32>::compile(&network, loss, optimizer, rows, protocol.cpu)?;
    let mut parameters = network.initialise(0);
    let mut state = OptimizerState::new(optimizer, network.n_trained());
    let noise = Stream::new(2, Purpose::Probe, 0);
    let features: Vec<f32> = (0..(rows * dataset.n_features()) as u64)
        .map(|index| 2.0 * noise.uniform_f32(index) - 1.0)
        .collect();
    let labels: Vec<u32> = (0..rows)
        .map(|row| (row % network.n_outputs()) as u32)
        .collect();
    let targets = match workload.answer {
        Answer::Classes(_) => Targets::Labels(&labels),
        Answer::Itself => Targets::Values(&features),
    };
    let (mut updates, mut gradients) = (Vec::new(), Vec::new());
    for step in 0..(PAIRS * protocol.runs) as u64 {
        let key = StepKey { seed: 0, step };
        let begun = Instant::now();
        plan.gradients_of(&parameters, &features, targets, key);
        let gradient = begun.elapsed().as_secs_f64() * 1e3;
        let begun = Instant::now();
        plan.step(
            &mut parameters,
            &mut state,
            &features,
            targets,
            optimizer.learning_rate(),
            None,
            key,
        );
        let whole = begun.elapsed().as_secs_f64() * 1e3;
        gradients.push(gradient);
        updates.push(whole - gradient);
    }
    gradients.sort_by(f64::total_cmp);
    let per_run: Vec<f64> = updates
        .chunks_mut(PAIRS)
        .map(|pairs| {
            pairs.sort_by(f64::total_cmp);
            median(pairs)
        })
        .collect();
    protocol.report(
        &format!("{}-update", workload.name),
        "ms",
        &per_run,
        json!({"gradients_ms": rounded(median(&gradients)), "n_parameters": network.n_parameters()}),
    );
    Ok(())
}
