//! What a spec would become, before anything is queued.

use descent::runs::RunsError;
use descent_engine::spec::Spec;
use serde_json::json;

use crate::bench::Bench;

#[tokio::test]
async fn a_plan_counts_parameters_and_places_and_queues_nothing() {
    let bench = Bench::new().await;
    let (ann, bob) = (
        bench.small_dataset("ann").await,
        bench.small_dataset("bob").await,
    );
    for priority in [0, 0, 5] {
        bench.submit("bob", bob, priority).await.unwrap();
    }
    let spec = Spec::from_value(
        json!({"dataset": ann.to_string(), "task": {"kind": "classification", "target": "target"},
        "network": [{"kind": "dense", "units": 8}], "training": {"epochs": 10, "batch_size": 7}}),
    )
    .unwrap();
    let plan = bench.app.runs.plan("ann", &spec).await.unwrap();
    assert_eq!(
        plan.cost.parameters,
        8 + 8 + 8 * 2 + 2,
        "one feature, eight units, two classes"
    );
    assert_eq!(plan.steps, 10 * plan.facts.n_train.div_ceil(7));
    assert_eq!(
        plan.queue_position, 2,
        "behind the urgent run, before bob's second turn"
    );
    assert!(plan.running_ms > 0.0 && plan.cost.total_bytes > 0);
    assert_eq!(bench.app.runs.queue().await.unwrap().runs.len(), 3);
}

#[tokio::test]
async fn a_spec_that_does_not_fit_is_refused_with_everything_that_is_wrong() {
    let bench = Bench::with(|config| config.specs.run_memory_bytes = 1 << 20, None).await;
    let dataset = bench.small_dataset("ann").await;
    let refusal = |document: serde_json::Value| {
        let bench = &bench;
        async move {
            match bench.post("ann", document).await {
                Err(RunsError::Spec(found)) => found,
                other => panic!("{other:?}"),
            }
        }
    };
    let task = json!({"kind": "classification", "target": "targett"});
    let found = refusal(json!({"dataset": dataset.to_string(), "task": task})).await;
    assert!(
        found[0].pointer.starts_with("/task/target") && found[0].message.contains("target"),
        "{found:?}"
    );
    let task = json!({"kind": "classification", "target": "target"});
    let named = json!({"kind": "alexnet"});
    let found =
        refusal(json!({"dataset": dataset.to_string(), "task": task, "network": named})).await;
    assert_eq!(found[0].pointer, "/network", "{found:?}");
    let huge = json!([{"kind": "dense", "units": 4096}, {"kind": "dense", "units": 4096}]);
    let found =
        refusal(json!({"dataset": dataset.to_string(), "task": task, "network": huge})).await;
    assert_eq!(found[0].code, "too_large");
}
