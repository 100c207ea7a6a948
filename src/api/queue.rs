//! `/v1/queue`: the order in which waiting runs will be taken, and why; and the switch that stops giving them out.
//!
//! Everybody sees how long the queue is, but only their own runs in it: names and ids of others are not shown.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::auth::Bearer;
use super::error::Result;
use super::input::Json;
use super::time::rfc3339;
use crate::runs;
use crate::store;

/// The queue as the caller sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Queue {
    /// Always `queue`.
    #[schema(pattern = "^queue$")]
    pub object: &'static str,
    /// Whether no run is given to a worker.
    pub draining: bool,
    /// Runs that can train at the same time.
    #[schema(minimum = 1)]
    pub slots: usize,
    /// Runs that wait, of all owners.
    pub n_queued: usize,
    /// The caller's waiting runs, in the order they will be taken.
    pub data: Vec<Place>,
}

/// One waiting run.
#[derive(Debug, Serialize, ToSchema)]
pub struct Place {
    /// Id of the run.
    #[schema(format = Uuid)]
    pub run: String,
    /// Its name.
    pub name: String,
    /// Higher goes first.
    pub priority: i64,
    /// From 1.
    #[schema(minimum = 1)]
    pub position: usize,
    /// What goes before it.
    pub ahead: Ahead,
    /// Why it stands there, in a sentence.
    pub why: String,
    /// Since when it waits.
    #[schema(format = DateTime)]
    pub queued_at: String,
    /// When it will be taken if runs go on taking as long as the last ones did; absent before any run has finished, and
    /// while draining.
    #[schema(format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_start_at: Option<String>,
}

/// What goes before a run.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ahead {
    /// Runs of all owners.
    pub n_runs: usize,
    /// The caller's own among them.
    pub n_own: usize,
}

/// What can be changed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QueueChange {
    /// `true`: give no more runs to workers; those in work go on, new ones can be submitted. Not kept over a restart.
    pub draining: bool,
}

/// The queue: order, position, what is ahead and an estimated start
#[utoipa::path(get, path = "", operation_id = "queue_show", tag = "queue", responses((status = 200, description = "The queue", body = Queue)))]
pub async fn show(State(api): State<Api>, caller: Bearer) -> Result<axum::Json<Queue>> {
    Ok(axum::Json(seen(&api, &caller.owner).await?))
}

/// Stop or go on giving runs to workers
#[utoipa::path(patch, path = "", operation_id = "queue_change", tag = "queue", request_body = QueueChange, responses((status = 200, description = "The queue after the change", body = Queue)))]
pub async fn change(
    State(api): State<Api>,
    caller: Bearer,
    Json(change): Json<QueueChange>,
) -> Result<axum::Json<Queue>> {
    if api.app.runs.is_draining() != change.draining {
        let detail = serde_json::json!({ "draining": change.draining });
        let entry = api.audit_entry(&caller, "queue.drain", "queue", &detail)?;
        store::audit::record(&api.app.store, entry).await?;
        api.app.runs.set_draining(change.draining);
    }
    Ok(axum::Json(seen(&api, &caller.owner).await?))
}

async fn seen(api: &Api, owner: &str) -> Result<Queue> {
    let slots = api.app.config.slots();
    let queue = api.app.runs.queue().await?;
    let own = queue
        .runs
        .iter()
        .filter(|queued| queued.run.owner == owner)
        .enumerate();
    let now_ms = api.app.clock.now_ms();
    Ok(Queue {
        object: "queue",
        draining: queue.draining,
        slots,
        n_queued: queue.runs.len(),
        data: own
            .map(|(n_own, queued)| place(&queue, queued, n_own, slots, now_ms))
            .collect(),
    })
}

fn place(
    queue: &runs::Queue,
    queued: &runs::Queued,
    n_own: usize,
    slots: usize,
    now_ms: i64,
) -> Place {
    let wait_ms = queue
        .estimated_start_ms(queued.position, slots)
        .filter(|_| !queue.draining);
    Place {
        run: queued.run.id.to_string(),
        name: queued.run.name.clone(),
        priority: queued.run.priority,
        position: queued.position,
        ahead: Ahead {
            n_runs: queued.position - 1,
            n_own,
        },
        why: queued.why.clone(),
        queued_at: rfc3339(queued.run.queued_at_ms),
        estimated_start_at: wait_ms.map(|wait_ms| rfc3339(now_ms.saturating_add(wait_ms as i64))),
    }
}
