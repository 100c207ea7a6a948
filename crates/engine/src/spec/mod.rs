//! The document a user posts to have something trained. It *is* the struct: what is documented here is what the service's JSON
//! Schema says.
//!
//! ```json
//! {"dataset": "titanic",
//!  "task": {"kind": "classification", "target": "Survived", "features": {"exclude": ["Name", "Ticket", "Cabin"]}},
//!  "network": [{"kind": "dense", "units": 64, "activation": "relu"}, {"kind": "dropout", "rate": 0.2}],
//!  "optimizer": {"kind": "sgd", "learning_rate": 0.05, "momentum": 0.9, "schedule": {"kind": "cosine"}},
//!  "training": {"epochs": 50, "seed": 7}}
//! ```
//!
//! Three steps lead from bytes to a training: [`Spec::parse`] reads the document and reports everything that is wrong with it at
//! once; [`Spec::resolve`] fills in what depends on the data; [`Spec::cost`] says what it will need.
//!
//! Rosenblatt's perceptron of 1957 is asked for in place of the layers: `"network": {"kind": "perceptron"}`. It has no loss and
//! no optimizer, and it tells two classes apart.

mod check;
mod cost;
mod defaults;
mod embed;
mod optimizer;
pub mod pointer;
mod preset;
pub(crate) mod resolve;
mod schema;
mod task;
mod training;
mod validate;
mod violation;
mod words;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dataset::{DataFacts, TargetScale};
use crate::layer::Layer;
use crate::loss::Loss;
use crate::network::LayerOutline;

pub use cost::Cost;
pub(crate) use cost::explain;
pub use optimizer::OptimizerSpec;
pub use task::{Categories, Features, Impute, Preprocessing, Split, Target, Task, TaskKind};
pub use training::{Cadence, Device, EarlyStopping, Resources, Rung, Training};
pub use violation::Violation;

/// Most layers of a network, with those inside others.
const MOST_LAYERS: usize = 256;

/// What a user asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// A name for people. Default: made from the dataset's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub name: Option<String>,
    /// The dataset, by id or name.
    #[schemars(length(min = 1, max = 200))]
    pub dataset: String,
    /// What is to be learned.
    pub task: Task,
    /// The hidden layers in order, or a network by name: `{"kind": "lenet5"}`. The output layer follows from the task.
    /// Default: one layer of 64 units, two of 128 for 5,000 training rows and more; for images two convolutions with pools
    /// and a dense layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// What is minimised. Default: cross entropy for classes, mean squared error for numbers, contrastive for an embedding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,
    /// How weights follow gradients. Default: AdamW along one cycle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub optimizer: Option<OptimizerSpec>,
    /// How long and in which portions.
    #[serde(default)]
    pub training: Training,
    /// What the run may use.
    #[serde(default)]
    pub resources: Resources,
    /// Runs with a higher number go first.
    #[serde(default)]
    #[schemars(range(min = -1000, max = 1000))]
    pub priority: i32,
    /// Anything you want to find the run by.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

/// What is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Network {
    /// Hidden layers in order.
    Layers(#[schemars(length(max = 256))] Vec<Layer>),
    /// A network with a name.
    Family(NetworkFamily),
}

/// A network with a name: the perceptron, or layers that the resolved spec lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum NetworkFamily {
    /// Rosenblatt's perceptron of 1957: one threshold unit, corrected by every row it gets wrong.
    Perceptron {},
    /// No hidden layer: logistic (or linear) regression.
    Logistic {},
    /// Dense layers, as they are used for tables when the spec names no network.
    Mlp {},
    /// Two convolutions with average pools, then dense layers of 120 and 84 (LeCun et al. 1998).
    Lenet5 {},
    /// Five convolutions, the first two with local response normalisation, then two dense layers of 4096 with dropout
    /// (Krizhevsky et al. 2012).
    Alexnet {},
    /// Eighteen layers in residual blocks of 64 to 512 channels, with the 3 x 3 first convolution of the form for small
    /// images (He et al. 2016).
    Resnet18 {},
    /// An LSTM of 128 units whose last step is classified.
    LstmClassifier {},
    /// Two blocks of self-attention and dense layers over positions, and their mean (Vaswani et al. 2017).
    TransformerEncoder {},
}

impl NetworkFamily {
    /// The names of those that are stacks of layers.
    pub(crate) const PRESETS: [&str; 7] = [
        "logistic",
        "mlp",
        "lenet5",
        "alexnet",
        "resnet18",
        "lstm_classifier",
        "transformer_encoder",
    ];
}

/// What can be trained; each family has a JSON Schema of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Layers that tell classes apart.
    Classification,
    /// Layers that give numbers.
    Regression,
    /// Layers that give places.
    Embedding,
    /// The perceptron of 1957.
    Perceptron,
}

impl Family {
    /// Every family there is.
    pub const ALL: [Self; 4] = [
        Self::Classification,
        Self::Regression,
        Self::Embedding,
        Self::Perceptron,
    ];

    /// The name in URLs and filters.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Classification => "classification",
            Self::Regression => "regression",
            Self::Embedding => "embedding",
            Self::Perceptron => "perceptron",
        }
    }

    /// One sentence about it.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Classification => {
                "A stack of layers that tells two or more classes apart, with a probability for each."
            }
            Self::Regression => {
                "A stack of layers that gives one or several numbers, in the units of the training file."
            }
            Self::Embedding => {
                "A stack of layers that gives each row a place, near those of its class and apart from others: for search by likeness."
            }
            Self::Perceptron => {
                "Rosenblatt's perceptron of 1957: one threshold unit for two classes, and a proof when it cannot tell them apart."
            }
        }
    }

    /// The family of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.name() == name)
    }

    /// JSON Schema (2020-12) of the specs of this family, with defaults, ranges and explanations.
    #[must_use]
    pub fn schema(self) -> Value {
        schema::of(self)
    }
}

/// Everything in a document that its JSON Schema forbids, said as of a spec: for what is asked beside one. Objects are closed, and
/// those with a constant `kind` are told apart by it.
#[must_use]
pub fn violations(schema: &Value, document: &Value) -> Vec<Violation> {
    validate::violations(schema, document)
}

/// What is wrong with a name that is new: of a run, a dataset or a sweep. `pointer` says where it stands.
#[must_use]
pub fn check_name(name: &str, pointer: &str) -> Option<Violation> {
    check::name(name, pointer)
}

/// Everything that is wrong with labels that are new: of a run or a sweep. `pointer` says where they stand.
#[must_use]
pub fn check_labels(labels: &BTreeMap<String, String>, pointer: &str) -> Vec<Violation> {
    check::new_labels(labels, pointer)
}

impl Spec {
    /// Reads a document and reports everything that is wrong with it.
    ///
    /// # Errors
    /// Every violation found, each with a JSON Pointer to its place.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<Violation>> {
        let value: Value = serde_json::from_slice(bytes).map_err(|error| {
            let message = format!("not a JSON document: {error}");
            vec![Violation::new("", "malformed_json", message)]
        })?;
        Self::from_value(value)
    }

    /// Like [`Spec::parse`], for a document that is already a JSON value.
    ///
    /// # Errors
    /// Every violation found, each with a JSON Pointer to its place.
    pub fn from_value(value: Value) -> Result<Self, Vec<Violation>> {
        Self::read(value, check::of_new)
    }

    /// The same for a document that is on record, or comes from one that is: it is not asked what only new documents are, which are its name,
    /// the keys of its labels and how many layers stand inside others.
    ///
    /// # Errors
    /// Every violation found, each with a JSON Pointer to its place.
    pub fn from_record(value: Value) -> Result<Self, Vec<Violation>> {
        Self::read(value, |_| Vec::new())
    }

    /// The same for a document on record that `patch` (RFC 7396) was merged into: what the patch brings is asked as what is new.
    ///
    /// # Errors
    /// Every violation found, each with a JSON Pointer to its place.
    pub fn from_patched(value: Value, patch: &Value) -> Result<Self, Vec<Violation>> {
        Self::read(value, |spec| {
            let mut found = check::of_new(spec);
            found.retain(|violation| patch.pointer(&violation.pointer).is_some());
            found
        })
    }

    fn read(
        value: Value,
        more: impl FnOnce(&Self) -> Vec<Violation>,
    ) -> Result<Self, Vec<Violation>> {
        let mut violations = validate::violations(schema::whole(), &value);
        let sound = validate::without(value, &violations);
        match serde_json::from_value::<Self>(sound) {
            Ok(spec) => {
                let mut found = spec.check().err().unwrap_or_default();
                found.extend(more(&spec));
                let under = |inner: &str, outer: &str| {
                    inner
                        .strip_prefix(outer)
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                };
                let fresh: Vec<_> = found
                    .into_iter()
                    .filter(|new| {
                        !violations
                            .iter()
                            .any(|old| under(&new.pointer, &old.pointer))
                    })
                    .collect();
                violations.extend(fresh);
                if violations.is_empty() {
                    Ok(spec)
                } else {
                    Err(violations)
                }
            }
            Err(error) if violations.is_empty() => {
                Err(vec![Violation::new("", "invalid", error.to_string())])
            }
            Err(_) => Err(violations),
        }
    }

    /// Rules that concern more than one field and need no data.
    ///
    /// # Errors
    /// Every violation found.
    pub fn check(&self) -> Result<(), Vec<Violation>> {
        let violations = check::violations(self);
        if violations.is_empty() {
            Ok(())
        } else {
            Err(violations)
        }
    }

    /// What is wrong with watching the metric of that name in trainings of this spec; `pointer` says where it is named.
    ///
    /// # Errors
    /// It is not a metric of the task, or no row validates.
    pub fn check_metric(&self, name: &str, pointer: &str) -> Result<(), Box<Violation>> {
        check::metric(self, name, pointer)
    }

    /// Whether smaller values of a metric of the task are better; `None` for a name that is no metric of it.
    #[must_use]
    pub fn lower_is_better(&self, metric: &str) -> Option<bool> {
        crate::metrics::watched(self.task.kind, metric)
            .map(|(metric, _)| metric.improves(0.0, 1.0, 0.0))
    }

    /// The family the spec belongs to.
    #[must_use]
    pub fn family(&self) -> Family {
        match (&self.network, self.task.kind) {
            (Some(Network::Family(NetworkFamily::Perceptron {})), _) => Family::Perceptron,
            (_, TaskKind::Classification) => Family::Classification,
            (_, TaskKind::Regression) => Family::Regression,
            (_, TaskKind::Embedding) => Family::Embedding,
        }
    }

    /// How a regression's targets must come to the loss.
    #[must_use]
    pub fn target_scale(&self) -> TargetScale {
        self.loss
            .as_ref()
            .map_or(TargetScale::Standard, Loss::target_scale)
    }

    /// The split that is used, with the defaults of the task filled in. Needs no data.
    #[must_use]
    pub fn split(&self) -> Split {
        self.task.split(self.training.seed)
    }

    /// The spec with everything filled in that depends on the data, the task and the optimizer. Resolving twice changes nothing.
    ///
    /// # Errors
    /// Every rule that the spec breaks on this data.
    pub fn resolve(&self, facts: &DataFacts) -> Result<Self, Vec<Violation>> {
        resolve::resolve(self, facts)
    }

    /// What is wrong with the resolved spec, at the places of this one: layers that follow from a name, or from none, stand nowhere in it.
    #[must_use]
    pub fn at_own_places(&self, mut violations: Vec<Violation>) -> Vec<Violation> {
        const NETWORK: &str = "/network";
        if !matches!(self.network, Some(Network::Layers(_))) {
            for violation in &mut violations {
                if violation.pointer.starts_with("/network/") {
                    violation.pointer.truncate(NETWORK.len());
                }
            }
        }
        violations
    }

    /// What training the spec needs, in checked arithmetic and before anything is allocated.
    ///
    /// # Errors
    /// When the spec is not resolved or its size is beyond counting.
    pub fn cost(&self, facts: &DataFacts) -> Result<Cost, Vec<Violation>> {
        cost::cost(self, facts)
    }

    /// The layers that would be trained, with their shapes and numbers of parameters, the one that makes the outputs last.
    ///
    /// # Errors
    /// When the spec is not resolved, or a layer does not fit what comes into it.
    pub fn outline(&self, facts: &DataFacts) -> Result<Vec<LayerOutline>, Vec<Violation>> {
        cost::outline(self, facts)
    }
}
