//! The workloads of the peer bench as documents a user could post, and their data: noise, because only the speed is of interest.

use std::sync::Arc;

use descent_engine::dataset::{Dataset, Parts, Targets};
use descent_engine::precision::Precision;
use descent_engine::rng::{Purpose, Stream};
use descent_engine::sample::SampleShape;
use descent_engine::spec::Spec;
use descent_engine::trainer::EngineError;
use ndarray::Array2;
use serde_json::{Value, json};

use crate::protocol::Protocol;

/// What every row is to be told as.
#[derive(Clone, Copy)]
pub enum Answer {
    /// One of so many classes.
    Classes(usize),
    /// Its own features.
    Itself,
}

/// One training of the peer bench.
pub struct Workload {
    pub name: &'static str,
    pub sample: SampleShape,
    pub answer: Answer,
    pub n_rows: usize,
    pub batch_size: usize,
    /// Epochs of one run.
    pub epochs: u64,
    network: Value,
    optimizer: Value,
    precision: Precision,
}

/// The workload of that name.
pub fn named(name: &str) -> Option<Workload> {
    all().into_iter().find(|workload| workload.name == name)
}

impl Workload {
    /// The same training in another precision.
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// The name in results: `W2` and, in bf16, `W2-bf16`.
    pub fn title(&self) -> String {
        match self.precision {
            Precision::F32 => self.name.to_owned(),
            Precision::Bf16 => format!("{}-bf16", self.name),
        }
    }
}

fn all() -> Vec<Workload> {
    let momentum = |rate: f64| json!({"kind": "sgd", "learning_rate": rate, "momentum": 0.9});
    let classifier = Workload {
        name: "W2",
        sample: SampleShape::Vector { features: 784 },
        answer: Answer::Classes(10),
        n_rows: 60_000,
        batch_size: 128,
        epochs: 1,
        network: dense(&[512, 256]),
        optimizer: momentum(0.01),
        precision: Precision::F32,
    };
    vec![
        small_images(),
        large_images(),
        Workload {
            name: "W1",
            sample: SampleShape::Vector { features: 4 },
            answer: Answer::Classes(3),
            n_rows: 150,
            batch_size: 16,
            epochs: 100,
            network: dense(&[16]),
            optimizer: json!({"kind": "sgd", "learning_rate": 0.1}),
            precision: Precision::F32,
        },
        Workload {
            name: "W2b32",
            batch_size: 32,
            network: dense(&[512, 256]),
            optimizer: momentum(0.01),
            precision: Precision::F32,
            ..classifier
        },
        classifier,
        Workload {
            name: "W3",
            sample: SampleShape::Vector { features: 1024 },
            answer: Answer::Classes(1000),
            n_rows: 8192,
            batch_size: 256,
            epochs: 1,
            network: dense(&[2048, 2048]),
            optimizer: momentum(0.01),
            precision: Precision::F32,
        },
        Workload {
            name: "W6",
            sample: SampleShape::Vector { features: 784 },
            answer: Answer::Itself,
            n_rows: 60_000,
            batch_size: 128,
            epochs: 1,
            network: dense(&[128, 32, 128]),
            optimizer: json!({"kind": "adam", "learning_rate": 0.001}),
            precision: Precision::F32,
        },
    ]
}

/// W4: two convolutions of grey images.
fn small_images() -> Workload {
    Workload {
        name: "W4",
        sample: SampleShape::Image {
            height: 28,
            width: 28,
            channels: 1,
        },
        answer: Answer::Classes(10),
        n_rows: 12_800,
        batch_size: 64,
        epochs: 1,
        network: json!([
            {"kind": "conv2d", "filters": 32, "kernel_size": 3, "padding": 1, "activation": "relu"},
            {"kind": "max_pool", "kernel_size": 2},
            {"kind": "conv2d", "filters": 64, "kernel_size": 3, "padding": 1, "activation": "relu"},
            {"kind": "max_pool", "kernel_size": 2},
            {"kind": "flatten"},
            {"kind": "dense", "units": 128, "activation": "relu"},
        ]),
        optimizer: json!({"kind": "sgd", "learning_rate": 0.01, "momentum": 0.9}),
        precision: Precision::F32,
    }
}

/// W5: five convolutions of colour images, in the manner of AlexNet.
fn large_images() -> Workload {
    Workload {
        name: "W5",
        sample: SampleShape::Image {
            height: 64,
            width: 64,
            channels: 3,
        },
        answer: Answer::Classes(200),
        n_rows: 640,
        batch_size: 32,
        epochs: 1,
        network: json!([
            {"kind": "conv2d", "filters": 64, "kernel_size": 5, "stride": 2, "padding": 2, "activation": "relu"},
            {"kind": "max_pool", "kernel_size": 2},
            {"kind": "conv2d", "filters": 192, "kernel_size": 5, "padding": 2, "activation": "relu"},
            {"kind": "max_pool", "kernel_size": 2},
            {"kind": "conv2d", "filters": 384, "kernel_size": 3, "padding": 1, "activation": "relu"},
            {"kind": "conv2d", "filters": 256, "kernel_size": 3, "padding": 1, "activation": "relu"},
            {"kind": "conv2d", "filters": 256, "kernel_size": 3, "padding": 1, "activation": "relu"},
            {"kind": "max_pool", "kernel_size": 2},
            {"kind": "flatten"},
            {"kind": "dense", "units": 1024, "activation": "relu"},
            {"kind": "dense", "units": 1024, "activation": "relu"},
        ]),
        optimizer: json!({"kind": "sgd", "learning_rate": 0.001, "momentum": 0.9}),
        precision: Precision::F32,
    }
}

/// Hidden layers of these widths.
fn dense(widths: &[u64]) -> Value {
    widths
        .iter()
        .map(|units| json!({"kind": "dense", "units": units, "activation": "relu"}))
        .collect()
}

impl Workload {
    /// Steps of one epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        (self.n_rows / self.batch_size) as u64
    }

    /// The spec, resolved. It never ends by itself: the observer ends it.
    pub fn spec(&self, protocol: &Protocol) -> Result<Spec, EngineError> {
        let (kind, loss) = match self.answer {
            Answer::Classes(_) => ("classification", "cross_entropy"),
            Answer::Itself => ("regression", "mse"),
        };
        let spec = Spec::from_value(json!({
            "dataset": self.name,
            "task": {"kind": kind, "target": "target"},
            "network": self.network,
            "loss": {"kind": loss},
            "optimizer": self.optimizer,
            "training": {"epochs": 100_000, "batch_size": self.batch_size, "precision": self.precision},
            "resources": {"threads": protocol.cpu.threads},
        }));
        let facts = self.row().facts(self.parts().train.len());
        spec.and_then(|spec| spec.resolve(&facts))
            .map_err(EngineError::Spec)
    }

    /// Uniform noise in [-1, 1) and random classes, or the noise itself as what is to be learned.
    pub fn dataset(&self) -> Arc<Dataset> {
        Arc::new(self.dataset_of(self.n_rows))
    }

    /// A dataset of the same kind with a single row, where only its shape is of interest.
    pub fn row(&self) -> Dataset {
        self.dataset_of(1)
    }

    fn dataset_of(&self, n_rows: usize) -> Dataset {
        let noise = Stream::new(42, Purpose::Probe, 0);
        let features = Array2::from_shape_fn((n_rows, self.sample.n_numbers()), |(row, column)| {
            2.0 * noise.uniform_f32((row * self.sample.n_numbers() + column) as u64) - 1.0
        });
        let names = |prefix: &str, n: usize| {
            (0..n)
                .map(|number| format!("{prefix}{number}"))
                .collect::<Vec<_>>()
        };
        let targets = match self.answer {
            Answer::Classes(n_classes) => {
                let draw = Stream::new(43, Purpose::Probe, 0);
                let label = |row| (draw.uniform_f32(row) * n_classes as f32) as u32;
                Targets::Classes {
                    labels: (0..n_rows as u64).map(label).collect(),
                    names: names("class", n_classes),
                }
            }
            Answer::Itself => Targets::Values {
                values: features.clone(),
                names: names("y", self.sample.n_numbers()),
                mean: vec![0.0; self.sample.n_numbers()],
                std: vec![1.0; self.sample.n_numbers()],
            },
        };
        Dataset {
            categories: Vec::new(),
            sample_shape: self.sample,
            features,
            feature_names: names("x", self.sample.n_numbers()),
            feature_columns: (0..self.sample.n_numbers() as u32).collect(),
            column_names: names("x", self.sample.n_numbers()),
            targets,
        }
    }

    /// Every row trains but those of a last batch that would not be full: the peers drop it.
    pub fn parts(&self) -> Parts {
        let n_train = self.steps_per_epoch() as u32 * self.batch_size as u32;
        Parts {
            train: (0..n_train).collect(),
            ..Parts::default()
        }
    }
}
