//! What is done and when it is cut off: a seed decides.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

/// SplitMix64: small, and the same everywhere.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Evenly from `0..n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    /// Evenly from nothing to `longest`, in microseconds.
    pub fn moment(&mut self, longest: Duration) -> Duration {
        Duration::from_micros(self.next() % (longest.as_micros() as u64).max(1))
    }
}

/// What the server does when it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Upload,
    Submit,
    Train,
    Checkpoint,
    Finish,
}

impl Phase {
    pub const ALL: [Self; 5] = [
        Self::Upload,
        Self::Submit,
        Self::Train,
        Self::Checkpoint,
        Self::Finish,
    ];

    /// `n` phases, each as often as the others, in an order the dice decide.
    pub fn shuffled(n: usize, dice: &mut Dice) -> Vec<Self> {
        let mut phases: Vec<Self> = (0..n).map(|i| Self::ALL[i % Self::ALL.len()]).collect();
        for i in (1..phases.len()).rev() {
            phases.swap(i, dice.below(i + 1));
        }
        phases
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Upload => "upload",
            Self::Submit => "submit",
            Self::Train => "training",
            Self::Checkpoint => "checkpoint",
            Self::Finish => "finish",
        };
        f.write_str(name)
    }
}

/// A table of numbers nobody else has, about `n_bytes` long.
pub fn table(seed: u64, n_bytes: usize) -> Bytes {
    let mut dice = Dice::new(seed);
    let mut text = String::with_capacity(n_bytes + 100);
    text.push_str("a,b,c,d,e,target\n");
    while text.len() < n_bytes {
        let bits = dice.next();
        for shift in [0, 12, 24, 36, 48] {
            let value = (bits >> shift) & 0xfff;
            text.push_str(&format!("{}.{:03},", value / 1000, value % 1000));
        }
        text.push_str(if bits >> 63 == 1 { "yes\n" } else { "no\n" });
    }
    Bytes::from(text)
}

/// Specs that are trained again and again, undisturbed and disturbed; the last one is over at once.
/// Together they hold everything a checkpoint must carry: dropout, momentum, second moments, schedules that look at the
/// metrics, early stopping with its counters and best weights, several targets of attention.
pub fn specs() -> Vec<Value> {
    let penguins = json!({"kind": "classification", "target": "species"});
    let iris = json!({"kind": "classification", "target": "target"});
    let mass = json!({"kind": "regression", "target": "body_mass_g", "features": {"exclude": ["species"]}});
    let wide = |rate: f64| {
        json!([{"kind": "dense", "units": 128, "activation": "relu"}, {"kind": "dropout", "rate": rate},
               {"kind": "dense", "units": 64, "activation": "tanh"}])
    };
    vec![
        json!({"name": "momentum", "dataset": "penguins", "task": penguins, "network": wide(0.3),
            "optimizer": {"kind": "sgd", "learning_rate": 0.01, "momentum": 0.9, "nesterov": true, "schedule": {"kind": "cosine"}},
            "training": {"epochs": 150, "batch_size": 8, "seed": 11, "checkpoint": {"min_interval_ms": 20}}}),
        json!({"name": "adam", "dataset": "iris", "task": iris, "network": wide(0.2),
            "optimizer": {"kind": "adam", "learning_rate": 0.002, "schedule": {"kind": "one_cycle"}},
            "training": {"epochs": 200, "batch_size": 4, "seed": 12, "checkpoint": {"min_interval_ms": 50}}}),
        json!({"name": "stopping", "dataset": "penguins", "task": penguins, "network": wide(0.4),
            "optimizer": {"kind": "rmsprop", "learning_rate": 0.001, "schedule": {"kind": "reduce_on_plateau", "patience": 5}},
            "training": {"epochs": 500, "batch_size": 8, "seed": 13, "checkpoint": {"min_interval_ms": 20},
                         "early_stopping": {"metric": "validation_loss", "patience": 60}}}),
        json!({"name": "values", "dataset": "penguins", "task": mass, "network": wide(0.1), "loss": {"kind": "huber"},
            "optimizer": {"kind": "adamw", "learning_rate": 0.001, "clip_norm": 1.0, "schedule": {"kind": "exponential", "gamma": 0.99}},
            "training": {"epochs": 120, "batch_size": 8, "seed": 14, "checkpoint": {"min_interval_ms": 100}}}),
        json!({"name": "short", "dataset": "iris", "task": iris, "network": [{"kind": "dense", "units": 16}],
            "training": {"epochs": 20, "batch_size": 16, "seed": 15, "checkpoint": {"min_interval_ms": 0}}}),
    ]
}

/// Which of [`specs`] are long enough to be hit in the middle.
pub const LONG: std::ops::Range<usize> = 0..4;
/// Which is over at once.
pub const SHORT: usize = 4;
