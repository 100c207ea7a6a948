//! A training takes no more memory than its spec says before anything is allocated: held by an allocator that knows the most that was
//! taken at once. A file of its own, because nothing else may allocate meanwhile.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use descent_engine::isa::Cpu;
use descent_engine::sample::SampleShape;
use descent_engine::trainer::{CheckpointReport, Directive, EpochReport, Observer};
use descent_engine::weights;
use serde_json::{Value, json};
use support::{Problem, sums};

/// The system's allocator, with the bytes that are taken now and the most that were.
struct Weighing;

static TAKEN: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

fn take(bytes: usize) {
    let taken = TAKEN.fetch_add(bytes, Ordering::Relaxed) + bytes;
    MOST.fetch_max(taken, Ordering::Relaxed);
}

// SAFETY: every call is handed to the system's allocator unchanged; weighing touches no memory it manages.
unsafe impl GlobalAlloc for Weighing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`, which is the same here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        TAKEN.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the pointer came from `alloc` above, which is the system's.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // For a moment there may be both.
        take(size);
        TAKEN.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static WEIGHING: Weighing = Weighing;

/// Bytes of graphs, plans and names, which nobody counts.
const UNSAID: usize = 1 << 18;

/// Asks for a checkpoint after every epoch and keeps the last, as a slow disk would.
#[derive(Default)]
struct Keeper(Option<CheckpointReport>);

impl Observer for Keeper {
    fn epoch(&mut self, _: &EpochReport<'_>) -> Directive {
        self.0 = None;
        Directive::Checkpoint
    }

    fn checkpoint(&mut self, report: CheckpointReport) {
        self.0 = Some(report);
    }
}

/// What is said of a training, and what it takes beside the data: from its beginning until its model was opened, which a server does
/// before it lets go of the trainer.
fn said_and_taken(problem: &Problem, spec: Value) -> (usize, usize) {
    let resolved = problem.spec(spec);
    let facts = problem.dataset.facts(problem.parts.train.len());
    let cost = resolved.cost(&facts).expect("it can be counted");
    let before = TAKEN.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let (dataset, parts) = (Arc::clone(&problem.dataset), problem.parts.clone());
    let mut trainer =
        descent_engine::trainer::Trainer::new(&resolved, dataset, parts).expect("it fits");
    let mut keeper = Keeper::default();
    assert!(trainer.run(&mut keeper).has_model());
    let trained = trainer.trained().expect("there is a model");
    let cpu = Cpu::native(1);
    let shape = problem.dataset.sample_shape;
    weights::open(&resolved, shape, facts.outcome, &trained.weights, cpu).expect("it opens");
    assert!(keeper.0.is_some());
    (
        cost.total_bytes as usize,
        MOST.load(Ordering::Relaxed) - before,
    )
}

fn holds(name: &str, problem: &Problem, spec: Value) {
    let (said, taken) = said_and_taken(problem, spec);
    println!("{name}: {taken} of {said} bytes");
    assert!(
        taken <= said + UNSAID,
        "{name}: {taken} bytes where {said} were said"
    );
    assert!(
        said < 3 * taken,
        "{name}: {said} bytes were said, and {taken} were enough"
    );
}

/// Rows of `sums` as images.
fn images(n_rows: usize, size: usize) -> Problem {
    let mut problem = sums(n_rows, size * size * 4, 1);
    let mut dataset = Arc::unwrap_or_clone(problem.dataset);
    dataset.sample_shape = SampleShape::Image {
        height: size,
        width: size,
        channels: 4,
    };
    problem.dataset = Arc::new(dataset);
    problem
}

#[test]
fn a_training_takes_what_its_spec_says_and_no_more() {
    let convolutions = json!([
        {"kind": "conv2d", "filters": 24, "kernel_size": 3, "padding": "same", "activation": "relu"},
        {"kind": "batch_norm"},
        {"kind": "conv2d", "filters": 32, "kernel_size": 5, "padding": "same", "activation": "relu"},
        {"kind": "max_pool", "kernel_size": 2},
        {"kind": "conv2d", "filters": 64, "kernel_size": 3, "stride": 2, "activation": "relu"},
        {"kind": "flatten"},
        {"kind": "dense", "units": 64, "activation": "relu"},
    ]);
    let dense = json!([{"kind": "dense", "units": 900, "activation": "relu"}, {"kind": "dense", "units": 700, "activation": "tanh"}]);
    let recurrent = json!([{"kind": "lstm", "units": 48, "return_sequences": true}, {"kind": "gru", "units": 32}]);
    let attention = json!([
        {"kind": "dense", "units": 16}, {"kind": "attention", "heads": 4}, {"kind": "layer_norm"}, {"kind": "global_pool"},
    ]);
    let adam = json!({"kind": "adam"});
    let momentum = json!({"kind": "sgd", "learning_rate": 1e-4, "momentum": 0.9});
    let plain = json!({"kind": "sgd", "learning_rate": 1e-3});
    let rows = sums(60, 256, 1);
    let pictures = images(120, 20);
    let mut flat = rows.clone();
    Arc::make_mut(&mut flat.dataset).sample_shape = 256.into();
    let cases = [
        (
            "convolutions, one row at a time",
            &pictures,
            &convolutions,
            &momentum,
            1,
            "f32",
        ),
        ("convolutions", &pictures, &convolutions, &adam, 32, "f32"),
        (
            "convolutions in bf16",
            &pictures,
            &convolutions,
            &momentum,
            16,
            "bf16",
        ),
        ("dense", &flat, &dense, &adam, 16, "f32"),
        ("dense in bf16", &flat, &dense, &plain, 64, "bf16"),
        ("recurrent", &rows, &recurrent, &adam, 2, "f32"),
        ("attention", &rows, &attention, &momentum, 4, "f32"),
    ];
    for (name, problem, network, optimizer, batch_size, precision) in cases {
        for threads in [1, 2] {
            let spec = json!({
                "network": network,
                "optimizer": optimizer,
                "training": {"epochs": 2, "batch_size": batch_size, "precision": precision, "early_stopping": {"patience": 5}},
                "resources": {"threads": threads},
            });
            holds(&format!("{name}, {threads} threads"), problem, spec);
        }
    }
    // More numbers come out than went in.
    let spec = json!({
        "task": {"kind": "embedding", "target": "target"},
        "network": [],
        "loss": {"kind": "contrastive", "dimensions": 256},
        "training": {"epochs": 1, "batch_size": 16},
    });
    holds("embedding", &sums(600, 4, 1), spec);
}
