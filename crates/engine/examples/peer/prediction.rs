//! W7: predictions of the W2 network in process, opened from its file as the server's predictor opens it.

use std::hint::black_box;
use std::time::Instant;

use descent_engine::rng::{Purpose, Stream};
use descent_engine::weights;
use serde_json::json;

use crate::protocol::{Error, Protocol, rounded};
use crate::workload;

/// Blocks of calls; each gives one rate.
const BLOCKS: usize = 5;

/// Calls before the first that counts.
const WARM_UP: usize = 200;

/// One line for each size of a batch: rows per second of the blocks, and the middle and the 99th of 100 of single calls.
pub fn measure(protocol: &Protocol) -> Result<(), Error> {
    let workload = workload::named("W2").ok_or("W2 is not a workload")?;
    let (spec, dataset) = (workload.spec(protocol)?, workload.row());
    let (n_features, outcome) = (dataset.n_features(), dataset.targets.outcome());
    let network = weights::network(&spec, n_features.into(), outcome)?;
    let file = weights::write(&network, &network.initialise(0))?;
    let model = weights::open(&spec, n_features.into(), outcome, &file, protocol.cpu)?;
    let noise = Stream::new(1, Purpose::Probe, 0);
    for (batch, calls) in [(1, 20_000), (32, 2_000), (256, 2_000)] {
        let rows: Vec<f32> = (0..(batch * n_features) as u64)
            .map(|index| noise.uniform_f32(index))
            .collect();
        let mut scratch = model.scratch(batch);
        let mut answers = vec![0.0; batch * network.n_outputs()];
        let mut call = || model.predict(black_box(&rows), &mut scratch, black_box(&mut answers));
        (0..WARM_UP).for_each(|_| call());
        let mut latencies = Vec::with_capacity(calls);
        let rates: Vec<f64> = (0..BLOCKS)
            .map(|_| {
                let block = Instant::now();
                for _ in 0..calls / BLOCKS {
                    let begun = Instant::now();
                    call();
                    latencies.push(begun.elapsed().as_secs_f64() * 1e6);
                }
                (calls / BLOCKS * batch) as f64 / block.elapsed().as_secs_f64()
            })
            .collect();
        latencies.sort_by(f64::total_cmp);
        let (p50, p99) = (latencies[calls / 2], latencies[calls * 99 / 100]);
        protocol.report(
            &format!("W7-b{batch}"),
            "rows/s",
            &rates,
            json!({"p50_us": rounded(p50), "p99_us": rounded(p99)}),
        );
    }
    Ok(())
}
