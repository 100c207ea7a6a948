//! Data and specs that several tests share.

// Every test binary compiles this file and none uses all of it.
#![allow(dead_code)]

use std::collections::BTreeSet;
use std::sync::Arc;

use descent_engine::dataset::{CategoryFeature, Dataset, Parts, Targets};
use descent_engine::diagnosis::Diagnosis;
use descent_engine::rng::{Purpose, Stream};
use descent_engine::sample::SampleShape;
use descent_engine::spec::Spec;
use descent_engine::trainer::{
    CheckpointReport, Directive, Ending, EpochReport, Observer, PathPoint, StepReport, Trainer,
};
use ndarray::Array2;
use schemars::JsonSchema;
use serde_json::{Value, json};

/// A problem ready for a trainer.
#[derive(Clone)]
pub struct Problem {
    pub dataset: Arc<Dataset>,
    pub parts: Parts,
}

impl Problem {
    /// The spec with `patch` on it, resolved on this problem.
    pub fn spec(&self, patch: Value) -> Spec {
        let kind = if matches!(self.dataset.targets, Targets::Classes { .. }) {
            "classification"
        } else {
            "regression"
        };
        let mut document = json!({"dataset": "test", "task": {"kind": kind, "target": "target"}});
        for (name, value) in patch.as_object().cloned().unwrap_or_default() {
            document[name] = value;
        }
        let spec = Spec::from_value(document).expect("the spec is sound");
        spec.resolve(&self.dataset.facts(self.parts.train.len()))
            .expect("the spec fits")
    }

    /// A trainer of that spec.
    pub fn trainer(&self, patch: Value) -> Trainer {
        Trainer::new(
            &self.spec(patch),
            Arc::clone(&self.dataset),
            self.parts.clone(),
        )
        .expect("the spec fits the data")
    }

    /// Trains to the end and answers the named metric.
    pub fn score(&self, patch: Value, metric: &str) -> f64 {
        let mut trainer = self.trainer(patch);
        let ending = trainer.run(&mut Record::default());
        assert!(ending.has_model(), "{ending:?}");
        let trained = trainer.trained().expect("there is a model");
        trained
            .metrics
            .iter()
            .find(|(name, _)| name == metric)
            .expect("the metric is defined")
            .1
    }
}

/// Number, steps done and metrics of an epoch.
pub type Epoch = (u32, u64, Vec<(&'static str, f64)>);

/// Everything a training said, and what it is to be answered.
#[derive(Default)]
pub struct Record {
    pub steps: Vec<StepReport>,
    pub epochs: Vec<Epoch>,
    pub diagnoses: Vec<Diagnosis>,
    pub checkpoints: Vec<CheckpointReport>,
    /// Step of each point of the path, and its numbers, snapshot and norm of the update, as bits.
    pub points: Vec<(u64, Vec<u64>)>,
    /// Pause after this step.
    pub pause_after: Option<u64>,
    /// Ask for a checkpoint at every epoch end.
    pub checkpoint_epochs: bool,
}

impl Record {
    pub fn codes(&self) -> Vec<&str> {
        self.diagnoses
            .iter()
            .map(|diagnosis| diagnosis.code.as_str())
            .collect()
    }
}

impl Observer for Record {
    fn step(&mut self, report: &StepReport) -> Directive {
        self.steps.push(*report);
        if self.pause_after == Some(report.step) {
            Directive::Pause
        } else {
            Directive::Continue
        }
    }

    fn epoch(&mut self, report: &EpochReport<'_>) -> Directive {
        self.epochs
            .push((report.epoch, report.step, report.metrics.to_vec()));
        if self.checkpoint_epochs {
            Directive::Checkpoint
        } else {
            Directive::Continue
        }
    }

    fn point(&mut self, point: &PathPoint<'_>) {
        let numbers = point
            .numbers
            .iter()
            .map(|number| u64::from(number.to_bits()));
        let halves = point
            .snapshot
            .unwrap_or_default()
            .iter()
            .map(|half| u64::from(*half));
        let norm = point.update_norm.map(f64::to_bits);
        self.points
            .push((point.step, numbers.chain(halves).chain(norm).collect()));
    }

    fn diagnosis(&mut self, diagnosis: &Diagnosis) {
        self.diagnoses.push(diagnosis.clone());
    }

    fn checkpoint(&mut self, checkpoint: CheckpointReport) {
        self.checkpoints.push(checkpoint);
    }
}

/// Trains to the end and answers what was said.
pub fn train(trainer: &mut Trainer) -> (Ending, Record) {
    let mut record = Record::default();
    let ending = trainer.run(&mut record);
    (ending, record)
}

/// A table of features and what is to be predicted, as a dataset whose columns are its features.
pub fn dataset(features: Array2<f32>, targets: Targets) -> Arc<Dataset> {
    let names: Vec<String> = (0..features.ncols())
        .map(|column| format!("x{column}"))
        .collect();
    let mut column_names = names.clone();
    column_names.push("target".into());
    let feature_columns = (0..names.len() as u32).collect();
    Arc::new(Dataset {
        categories: Vec::new(),
        sample_shape: features.ncols().into(),
        features,
        feature_names: names,
        feature_columns,
        column_names,
        targets,
    })
}

/// Two columns of categories around one of numbers; the class follows from both categories, and only with the other from each.
/// Index 0 stands for unknown ones, which do not occur in the first column.
pub fn categories(rows: usize, seed: u64) -> Problem {
    let stream = Stream::new(seed, Purpose::Probe, 0);
    let draw = |row: usize, column: u64, n: f64| stream.uniform(3 * row as u64 + column) * n;
    let features = Array2::from_shape_fn((rows, 3), |(row, column)| match column {
        0 => 1.0 + draw(row, 0, 12.0).floor() as f32,
        1 => draw(row, 1, 2.0) as f32 - 1.0,
        _ => draw(row, 2, 8.0).floor() as f32,
    });
    let labels = features.rows().into_iter();
    let labels = labels.map(|row| {
        let divides = |column: usize, n: u32| (row[column] as u32).is_multiple_of(n);
        u32::from(divides(0, 3) != divides(2, 2))
    });
    let targets = classes(labels.collect(), 2);
    let mut dataset = Arc::unwrap_or_clone(dataset(features, targets));
    dataset.categories = [(0, 13), (2, 8)]
        .map(|(feature, vocabulary)| CategoryFeature {
            feature,
            vocabulary,
        })
        .to_vec();
    Problem {
        dataset: Arc::new(dataset),
        parts: parts(rows, seed),
    }
}

/// Classes named `0`, `1`, ...
pub fn classes(labels: Vec<u32>, n_classes: usize) -> Targets {
    Targets::Classes {
        labels,
        names: (0..n_classes).map(|class| class.to_string()).collect(),
    }
}

/// One standardised target.
pub fn values(raw: &[f32]) -> Targets {
    let mean = raw.iter().sum::<f32>() / raw.len() as f32;
    let std =
        (raw.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / raw.len() as f32).sqrt();
    let values = Array2::from_shape_fn((raw.len(), 1), |(row, _)| (raw[row] - mean) / std);
    Targets::Values {
        values,
        names: vec!["target".into()],
        mean: vec![mean],
        std: vec![std],
    }
}

/// Random parts: 15 % validate and 15 % test.
pub fn parts(n_rows: usize, seed: u64) -> Parts {
    let order = Stream::new(seed, Purpose::Split, 0).permutation(n_rows);
    let part = n_rows * 15 / 100;
    Parts {
        validation: order[..part].to_vec(),
        test: order[part..2 * part].to_vec(),
        train: order[2 * part..].to_vec(),
    }
}

/// Two standard normal numbers around the centre of each class, the centres on a circle.
pub fn blobs(n_rows: usize, n_classes: usize, radius: f32, seed: u64) -> Problem {
    let noise = Stream::new(seed, Purpose::Probe, 0);
    let labels: Vec<u32> = (0..n_rows).map(|row| (row % n_classes) as u32).collect();
    let features = Array2::from_shape_fn((n_rows, 2), |(row, column)| {
        let angle = labels[row] as f32 / n_classes as f32 * std::f32::consts::TAU;
        let centre = radius
            * if column == 0 {
                angle.cos()
            } else {
                angle.sin()
            };
        centre + noise.normal((row * 2 + column) as u64) as f32
    });
    Problem {
        dataset: dataset(features, classes(labels, n_classes)),
        parts: parts(n_rows, seed),
    }
}

/// Sequences of normal numbers; the class says whether their sum is above zero.
pub fn sums(n_rows: usize, steps: usize, seed: u64) -> Problem {
    let noise = Stream::new(seed, Purpose::Probe, 0);
    let features = Array2::from_shape_fn((n_rows, steps), |(row, step)| {
        noise.normal((row * steps + step) as u64) as f32
    });
    let above = |row: ndarray::ArrayView1<f32>| u32::from(row.sum() > 0.0);
    let labels = features.rows().into_iter().map(above).collect();
    let mut dataset = Arc::unwrap_or_clone(dataset(features, classes(labels, 2)));
    dataset.sample_shape = SampleShape::Sequence { steps, features: 1 };
    Problem {
        dataset: Arc::new(dataset),
        parts: parts(n_rows, seed),
    }
}

/// The four rows of a gate, all of them for training.
pub fn gate(truth: [u32; 4]) -> Problem {
    let features = Array2::from_shape_fn((4, 2), |(row, column)| (row >> column & 1) as f32);
    let parts = Parts {
        train: (0..4).collect(),
        ..Parts::default()
    };
    Problem {
        dataset: dataset(features, classes(truth.to_vec(), 2)),
        parts,
    }
}

/// A real set of numbers with a header and the target in the last column, standardised over all rows. `None`, with a visible
/// line, where the shared data is absent.
pub fn real(path: &str, regression: bool, seed: u64) -> Option<Problem> {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data")
        .join(path);
    let Ok(text) = std::fs::read_to_string(&file) else {
        // Past the harness, which keeps what a passing test prints.
        std::io::Write::write_all(
            &mut std::io::stderr(),
            format!("skipped: {path} is not there\n").as_bytes(),
        )
        .unwrap();
        return None;
    };
    let rows: Vec<Vec<&str>> = text
        .lines()
        .skip(1)
        .filter(|line| !line.is_empty())
        .map(|line| line.split(',').collect())
        .collect();
    let n_features = rows[0].len() - 1;
    let number = |row: usize, column: usize| {
        rows[row][column]
            .trim()
            .parse::<f32>()
            .expect("the file holds numbers")
    };
    let mut features = Array2::from_shape_fn((rows.len(), n_features), |(row, column)| {
        number(row, column)
    });
    for mut column in features.columns_mut() {
        let (mean, std) = (column.mean().unwrap_or(0.0), column.std(0.0).max(1e-6));
        column.mapv_inplace(|value| (value - mean) / std);
    }
    let targets = if regression {
        values(
            &(0..rows.len())
                .map(|row| number(row, n_features))
                .collect::<Vec<_>>(),
        )
    } else {
        let mut names: Vec<String> = rows.iter().map(|row| row[n_features].to_owned()).collect();
        let all = names.clone();
        names.sort();
        names.dedup();
        let label = |name: &String| names.binary_search(name).expect("every name is known") as u32;
        Targets::Classes {
            labels: all.iter().map(label).collect(),
            names,
        }
    };
    let n_rows = rows.len();
    Some(Problem {
        dataset: dataset(features, targets),
        parts: parts(n_rows, seed),
    })
}

/// The value of a metric.
pub fn named(metrics: &[(&'static str, f64)], name: &str) -> f64 {
    metrics
        .iter()
        .find(|(known, _)| *known == name)
        .expect("the metric is defined")
        .1
}

/// Every `kind` (or name) that the JSON Schema of an enum allows: what a spec can say, and so what needs a row.
pub fn kinds<E: JsonSchema>() -> BTreeSet<String> {
    let schema = schemars::schema_for!(E).to_value();
    let variants = schema["oneOf"].as_array().cloned().unwrap_or_default();
    let of_variant = |variant: &serde_json::Value| {
        let name = variant["properties"]["kind"]["const"]
            .as_str()
            .or(variant["const"].as_str());
        name.map(str::to_owned)
    };
    variants.iter().filter_map(of_variant).collect()
}
