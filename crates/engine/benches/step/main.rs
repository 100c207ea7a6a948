//! How long a step, a prediction and the kernels take: `cargo bench -p descent-engine --bench step [-- threads]`, or
//! `-- kernels` for the products and convolutions of the workloads on one thread.
//!
//! Each figure is the fastest of several repetitions, which leaves out most of what else the machine was doing.

mod kernels;

use std::hint::black_box;
use std::time::Instant;

use descent_engine::isa::{Cpu, Isa};
use descent_engine::layer::{Dense, Layer};
use descent_engine::loss::{CrossEntropy, Loss, Mse};
use descent_engine::model::Model;
use descent_engine::network::{Head, Network, Outcome};
use descent_engine::op::{Function, StepKey};
use descent_engine::optimizer::{Adam, Optimizer, OptimizerState, Sgd};
use descent_engine::plan::{Targets, TrainPlan};
use descent_engine::rng::{Purpose, Stream};

/// Seconds of one call: the fastest of some batches of calls that take a few milliseconds each.
fn seconds(mut call: impl FnMut()) -> f64 {
    let begin = Instant::now();
    call();
    let n = (3e-3 / begin.elapsed().as_secs_f64().max(1e-9)).clamp(1.0, 1e5) as usize;
    let batch = |call: &mut dyn FnMut()| {
        let begin = Instant::now();
        (0..n).for_each(|_| call());
        begin.elapsed().as_secs_f64() / n as f64
    };
    (0..20)
        .map(|_| batch(&mut call))
        .fold(f64::INFINITY, f64::min)
}

fn noise(n: usize) -> Vec<f32> {
    let stream = Stream::new(0, Purpose::Probe, 0);
    (0..n as u64)
        .map(|index| 2.0 * stream.uniform_f32(index) - 1.0)
        .collect()
}

fn step(name: &str, widths: &[usize], rows: usize, loss: Loss, optimizer: Optimizer, cpu: Cpu) {
    let (n_features, n_outputs) = (widths[0], widths[widths.len() - 1]);
    let hidden = &widths[1..widths.len() - 1];
    let layers: Vec<Layer> = hidden
        .iter()
        .map(|&units| Layer::Dense(Dense::new(units).with(Function::Relu)))
        .collect();
    let network = Network::build(
        &layers,
        n_features,
        Head {
            n_outputs,
            outcome: Outcome::Classes,
        },
    )
    .expect("it fits");
    let mut plan =
        TrainPlan::<f32>::compile(&network, &loss, &optimizer, rows, cpu).expect("it fits");
    let mut parameters = network.initialise(0);
    let mut state = OptimizerState::new(&optimizer, network.n_trained());
    let (features, labels) = (
        noise(rows * n_features),
        (0..rows)
            .map(|row| (row % n_outputs) as u32)
            .collect::<Vec<_>>(),
    );
    let values = noise(rows * n_outputs);
    let targets = if loss.kind() == "cross_entropy" {
        Targets::Labels(&labels)
    } else {
        Targets::Values(&values)
    };
    let mut key = StepKey::default();
    let time = seconds(|| {
        key.step += 1;
        black_box(plan.step(
            &mut parameters,
            &mut state,
            &features,
            targets,
            1e-4,
            None,
            key,
        ));
    });
    println!(
        "step    {name:10} {:8} {} threads: {:9.2} us, {:10.0} samples/s",
        cpu.isa.name(),
        cpu.threads,
        time * 1e6,
        rows as f64 / time
    );
}

fn predict(widths: &[usize], rows: usize, cpu: Cpu) {
    let layers: Vec<Layer> = widths[1..widths.len() - 1]
        .iter()
        .map(|&units| Layer::Dense(Dense::new(units).with(Function::Relu)))
        .collect();
    let n_outputs = widths[widths.len() - 1];
    let network = Network::build(
        &layers,
        widths[0],
        Head {
            n_outputs,
            outcome: Outcome::Classes,
        },
    )
    .expect("it fits");
    let model = Model::new(&network, network.initialise::<f32>(0), cpu).expect("it fits");
    let (features, mut out, mut scratch) = (
        noise(rows * widths[0]),
        vec![0.0; rows * n_outputs],
        model.scratch(rows),
    );
    let time = seconds(|| model.predict(black_box(&features), &mut scratch, &mut out));
    println!("predict {widths:?} {rows:4} rows: {:9.3} us", time * 1e6);
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "kernels") {
        ["avx512", "avx2", "portable"]
            .into_iter()
            .filter_map(Isa::named)
            .for_each(kernels::all);
        return;
    }
    let threads = words.iter().find_map(|word| word.parse().ok()).unwrap_or(1);
    for cpu in [Cpu::native(threads), Cpu::portable(threads)] {
        let cross_entropy = || Loss::CrossEntropy(CrossEntropy::default());
        let sgd = |momentum| {
            Optimizer::Sgd(Sgd {
                momentum,
                ..Sgd::default()
            })
        };
        step("W1", &[4, 16, 3], 16, cross_entropy(), sgd(0.0), cpu);
        step(
            "W2",
            &[784, 512, 256, 10],
            128,
            cross_entropy(),
            sgd(0.9),
            cpu,
        );
        step(
            "W2b32",
            &[784, 512, 256, 10],
            32,
            cross_entropy(),
            sgd(0.9),
            cpu,
        );
        step(
            "W6",
            &[784, 128, 32, 128, 784],
            128,
            Loss::Mse(Mse::default()),
            Optimizer::Adam(Adam::default()),
            cpu,
        );
        predict(&[4, 16, 3], 1, cpu);
        predict(&[4, 16, 3], 32, cpu);
        predict(&[784, 512, 256, 10], 1, cpu);
    }
}
