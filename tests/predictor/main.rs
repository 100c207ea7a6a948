//! Raw rows in, predictions out: what is served is what was trained, whatever way the rows come in, and nothing a client can send does harm.

mod explain;
mod formats;
mod golden;
mod hostile;
mod rows;
mod warm;

use std::path::Path;

use descent::data::{Hint, Ingest, Ingested, Limits, Prepared, Roles, decode, prepare};
use descent::predictor::{EngineBuild, FORMAT, ModelDocument, ServedModel, Version, mean_row};
use descent_engine::isa::Isa;
use descent_engine::spec::Spec;
use descent_engine::trainer::{Silent, Trained, Trainer};
use serde_json::{Value, json};

/// A file of the shared data sets, or `None` with one visible line where they are not there.
fn shared(name: &str) -> Option<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data")
        .join(name);
    let bytes = std::fs::read(path).ok();
    if bytes.is_none() {
        // Past the harness, which keeps what a passing test prints.
        std::io::Write::write_all(
            &mut std::io::stderr(),
            format!("skipped: ../shared/data/{name} is not here\n").as_bytes(),
        )
        .unwrap();
    }
    bytes
}

/// A file that we ship.
fn example(name: &str) -> Vec<u8> {
    std::fs::read(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("examples")
            .join(name),
    )
    .unwrap()
}

/// A training that is over, with everything that came before it.
struct Finished {
    bytes: Vec<u8>,
    ingested: Ingested,
    prepared: Prepared,
    trained: Trained,
    sealed: String,
    model: ServedModel,
}

/// Trains for a few epochs as the worker does, and opens the model.
fn train(bytes: Vec<u8>, task: Value, network: Value) -> Finished {
    train_with(bytes, json!({"task": task, "network": network}))
}

fn train_with(bytes: Vec<u8>, parts: Value) -> Finished {
    let mut ingest = Ingest::new(Limits::default(), Hint::default());
    ingest.push(&bytes).unwrap();
    train_ingested(bytes, ingest.finish().unwrap(), parts)
}

fn train_ingested(bytes: Vec<u8>, ingested: Ingested, parts: Value) -> Finished {
    let schema = ingested.schema();
    let mut document = json!({"dataset": "here", "training": {"epochs": 3, "seed": 7}});
    document
        .as_object_mut()
        .unwrap()
        .extend(parts.as_object().unwrap().clone());
    let spec = Spec::from_value(document).unwrap_or_else(|violations| panic!("{violations:?}"));
    let roles = Roles::of(&spec.task, &schema).unwrap();
    let frame = decode(
        std::io::Cursor::new(&bytes[..]),
        &ingested.format,
        &schema,
        &roles.wanted(&spec.task, &schema),
    )
    .unwrap();
    let prepared = prepare(&frame, &schema, &spec.task, spec.target_scale(), 7).unwrap();
    let facts = prepared.dataset.facts(prepared.parts.train.len());
    let spec = spec
        .resolve(&facts)
        .unwrap_or_else(|violations| panic!("{violations:?}"));
    let mut trainer = Trainer::new(
        &spec,
        prepared.dataset.clone().into(),
        prepared.parts.clone(),
    )
    .unwrap();
    trainer.run(&mut Silent);
    let trained = trainer.trained().unwrap().clone();
    let document = ModelDocument {
        format: FORMAT,
        spec,
        transform: prepared.transform.clone(),
        baseline: mean_row(&prepared.dataset, &prepared.parts),
        engine: EngineBuild {
            version: "0.1.0".into(),
            instruction_set: Isa::detect().name().into(),
        },
        dataset_sha256: "0".repeat(64),
        weights_sha256: trained.sha256.clone(),
    };
    let sealed = document.seal().unwrap().get().to_owned();
    let model = ServedModel::open(version(), &sealed, &trained.weights)
        .unwrap_or_else(|error| panic!("{error}"));
    Finished {
        bytes,
        ingested,
        prepared,
        trained,
        sealed,
        model,
    }
}

fn version() -> Version {
    Version {
        name: "flowers".into(),
        version: 3,
    }
}

fn iris() -> Finished {
    train(
        example("iris.csv"),
        json!({"kind": "classification", "target": "target"}),
        json!([{"kind": "dense", "units": 16, "activation": "relu"}]),
    )
}

fn penguins() -> Finished {
    train(
        example("penguins.csv"),
        json!({"kind": "classification", "target": "species"}),
        json!([{"kind": "dense", "units": 16, "activation": "tanh"}]),
    )
}

fn answer(model: &ServedModel, body: &str) -> Value {
    let answer = descent::predictor::predict_json(model, body.as_bytes(), Default::default());
    serde_json::from_slice(&answer.unwrap_or_else(|error| panic!("{error}"))).unwrap()
}
