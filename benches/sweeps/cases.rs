//! The sets that are searched on: a spec and a space for each.

use serde_json::{Value, json};

/// One set.
pub struct Case {
    pub name: &'static str,
    /// For the table of results.
    pub what: &'static str,
    /// A file of `../shared/data`.
    pub file: &'static str,
    pub spec: Value,
    pub space: Value,
    /// Epochs before the first rung of ASHA.
    pub min_epochs: u32,
}

/// A network of two layers; learning rate, momentum, widths, dropout, decay and batch size are searched.
fn case(name: &'static str, what: &'static str, file: &'static str, task: Value) -> Case {
    let spec = json!({
        "dataset": name,
        "task": task,
        "network": [{"kind": "dense", "units": 32, "activation": "relu"}, {"kind": "dropout", "rate": 0.1},
            {"kind": "dense", "units": 32, "activation": "relu"}],
        "optimizer": {"kind": "sgd", "learning_rate": 0.01, "momentum": 0.9, "weight_decay": 0.0001},
        "training": {"epochs": 27, "batch_size": 32, "seed": 1},
    });
    let space = json!({
        "/optimizer/learning_rate": {"kind": "log_uniform", "low": 1e-5, "high": 1.0},
        "/optimizer/momentum": {"kind": "uniform", "low": 0.0, "high": 0.99},
        "/optimizer/weight_decay": {"kind": "log_uniform", "low": 1e-6, "high": 0.1},
        "/network/0/units": {"kind": "integer", "low": 4, "high": 128, "log": true},
        "/network/0/activation": {"kind": "choice", "values": ["relu", "tanh", "sigmoid"]},
        "/network/1/rate": {"kind": "uniform", "low": 0.0, "high": 0.6},
        "/network/2/units": {"kind": "integer", "low": 4, "high": 128, "log": true},
        "/training/batch_size": {"kind": "choice", "values": [16, 32, 64, 128]},
    });
    Case {
        name,
        what,
        file,
        spec,
        space,
        min_epochs: 1,
    }
}

/// Every case.
pub fn all() -> Vec<Case> {
    vec![
        case(
            "titanic",
            "titanic, 891 rows",
            "titanic/titanic.csv",
            json!({"kind": "classification", "target": "Survived", "features": {"exclude": ["PassengerId", "Name", "Ticket", "Cabin"]}}),
        ),
        case(
            "diabetes",
            "diabetes, 442 rows (regression)",
            "diabetes/diabetes.csv",
            json!({"kind": "regression", "target": "target"}),
        ),
        case(
            "digits",
            "digits, 1,797 rows",
            "digits/digits.csv",
            json!({"kind": "classification", "target": "target"}),
        ),
    ]
}
