//! What a prediction costs from the bytes of a body to the bytes of its answer, without HTTP: one row of a 4-16-3 net, beside what a
//! bare handler does with the same body (parse it with serde_json, answer a label and three probabilities).
//!
//! `cargo bench --bench predict`

use std::hint::black_box;
use std::time::Instant;

use descent::data::{Hint, Ingest, Limits, Roles, decode, prepare};
use descent::predictor::{
    EngineBuild, FORMAT, ModelDocument, Options, ServedModel, Version, mean_row, predict_json,
};
use descent_engine::isa::Isa;
use descent_engine::spec::Spec;
use descent_engine::trainer::{Silent, Trainer};
use serde::{Deserialize, Serialize};
use serde_json::json;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 7;
const CALLS: u32 = 100_000;

#[derive(Deserialize)]
struct Request {
    rows: Vec<Vec<f32>>,
}

#[derive(Serialize)]
struct Answer {
    predictions: Vec<u32>,
    probabilities: Vec<[f32; 3]>,
}

fn bare(body: &[u8]) -> Vec<u8> {
    let Ok(request) = serde_json::from_slice::<Request>(body) else {
        return Vec::new();
    };
    let n = request.rows.len();
    let answer = Answer {
        predictions: vec![0; n],
        probabilities: vec![[0.7, 0.2, 0.1]; n],
    };
    serde_json::to_vec(&answer).unwrap_or_default()
}

fn model() -> anyhow::Result<ServedModel> {
    let bytes = std::fs::read("examples/iris.csv")?;
    let mut ingest = Ingest::new(Limits::default(), Hint::default());
    ingest.push(&bytes)?;
    let ingested = ingest.finish()?;
    let schema = ingested.schema();
    let spec = Spec::from_value(json!({
        "dataset": "iris",
        "task": {"kind": "classification", "target": "target"},
        "network": [{"kind": "dense", "units": 16, "activation": "relu"}],
        "training": {"epochs": 5},
    }));
    let spec = spec.map_err(|violations| anyhow::anyhow!("{violations:?}"))?;
    let roles =
        Roles::of(&spec.task, &schema).map_err(|violations| anyhow::anyhow!("{violations:?}"))?;
    let frame = decode(
        std::io::Cursor::new(&bytes[..]),
        &ingested.format,
        &schema,
        &roles.wanted(&spec.task, &schema),
    )?;
    let prepared = prepare(&frame, &schema, &spec.task, spec.target_scale(), 0)?;
    let facts = prepared.dataset.facts(prepared.parts.train.len());
    let spec = spec
        .resolve(&facts)
        .map_err(|violations| anyhow::anyhow!("{violations:?}"))?;
    let mut trainer = Trainer::new(
        &spec,
        prepared.dataset.clone().into(),
        prepared.parts.clone(),
    )?;
    trainer.run(&mut Silent);
    let trained = trainer.trained()?;
    let document = ModelDocument {
        format: FORMAT,
        spec,
        baseline: mean_row(&prepared.dataset, &prepared.parts),
        transform: prepared.transform,
        engine: EngineBuild {
            version: env!("CARGO_PKG_VERSION").into(),
            instruction_set: Isa::detect().name().into(),
        },
        dataset_sha256: String::new(),
        weights_sha256: trained.sha256.clone(),
    };
    let version = Version {
        name: "iris".into(),
        version: 1,
    };
    Ok(ServedModel::open(
        version,
        document.seal()?.get(),
        &trained.weights,
    )?)
}

/// Nanoseconds per call, the median of some rounds.
fn cost(mut call: impl FnMut()) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            (0..CALLS).for_each(|_| call());
            start.elapsed().as_nanos() as f64 / f64::from(CALLS)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

fn main() -> anyhow::Result<()> {
    let model = model()?;
    let array: &[u8] = br#"{"rows":[[5.1,3.5,1.4,0.2]]}"#;
    let object: &[u8] =
        br#"{"rows":[{"sepal length (cm)":5.1,"sepal width (cm)":3.5,"petal length (cm)":1.4,"petal width (cm)":0.2}]}"#;
    let options = Options::default();
    println!(
        "{}",
        String::from_utf8_lossy(&predict_json(&model, array, options)?)
    );
    let bare_ns = cost(|| drop(black_box(bare(black_box(array)))));
    println!("bare parse and answer        {bare_ns:>8.0} ns");
    for (what, body) in [("one row, an array", array), ("one row, an object", object)] {
        let ns = cost(|| drop(black_box(predict_json(&model, black_box(body), options))));
        println!("{what:<28} {ns:>8.0} ns");
    }
    let many = format!(
        "{{\"rows\":[{}]}}",
        vec!["[5.1,3.5,1.4,0.2]"; 1000].join(",")
    );
    let start = Instant::now();
    for _ in 0..200 {
        drop(black_box(predict_json(
            &model,
            black_box(many.as_bytes()),
            options,
        )));
    }
    println!(
        "a row among 1000             {:>8.0} ns",
        start.elapsed().as_nanos() as f64 / 200_000.0
    );
    Ok(())
}
