//! The order in which queued runs will be taken, and why.

use std::collections::HashMap;

use super::{Runs, RunsError};
use crate::ids::RunId;
use crate::store::runs::{self, OwnerTurn, Waiting};

/// Queued runs looked at; what lies behind is counted but not ordered.
pub(super) const SHOWN: u32 = 10_000;

/// The queue as it stands.
#[derive(Debug, Clone)]
pub struct Queue {
    /// Queued runs in the order they will be taken.
    pub runs: Vec<Queued>,
    /// Whether runs are given out at all.
    pub draining: bool,
    /// Mean time a recent run needed; `None` before the first.
    pub mean_running_ms: Option<f64>,
}

/// One queued run.
#[derive(Debug, Clone)]
pub struct Queued {
    /// Which.
    pub run: Waiting,
    /// From 1.
    pub position: usize,
    /// Why it stands there, in a sentence.
    pub why: String,
}

impl Queue {
    /// Where a run stands, from 1; `None` when it is not queued.
    pub fn position(&self, id: RunId) -> Option<usize> {
        self.runs
            .iter()
            .find(|queued| queued.run.id == id)
            .map(|queued| queued.position)
    }

    /// Milliseconds until the run at `position` is taken, when `slots` workers go on as before.
    pub fn estimated_start_ms(&self, position: usize, slots: usize) -> Option<f64> {
        let ahead = position.saturating_sub(1);
        self.mean_running_ms
            .map(|mean| (ahead / slots.max(1)) as f64 * mean)
    }
}

impl Runs {
    /// The queue in the order of claims.
    ///
    /// # Errors
    /// When the record fails.
    pub async fn queue(&self) -> Result<Queue, RunsError> {
        let (waiting, owners) = runs::waiting(&self.0.store, SHOWN).await?;
        let mean_running_ms = runs::mean_running_ms(&self.0.store).await?;
        Ok(Queue {
            runs: order(waiting, owners),
            draining: self.is_draining(),
            mean_running_ms,
        })
    }
}

/// Plays the claims ahead: by priority; among equals the owner with the fewest runs in work, then the one whose turn was
/// longest ago; within an owner by time. `waiting` comes by priority and time.
pub fn order(waiting: Vec<Waiting>, owners: Vec<OwnerTurn>) -> Vec<Queued> {
    let mut standing: HashMap<String, OwnerTurn> = owners
        .into_iter()
        .map(|owner| (owner.owner.clone(), owner))
        .collect();
    let mut turn = standing.values().map(|owner| owner.turn).max().unwrap_or(0);
    let mut ordered = Vec::with_capacity(waiting.len());
    let mut rest = waiting.into_iter().peekable();
    while let Some(priority) = rest.peek().map(|run| run.priority) {
        // One line per owner within a priority, each by time.
        let mut lines: HashMap<String, std::collections::VecDeque<Waiting>> = HashMap::new();
        while let Some(run) = rest.next_if(|run| run.priority == priority) {
            lines.entry(run.owner.clone()).or_default().push_back(run);
        }
        let n_owners = lines.len();
        while let Some(owner) = next_owner(&lines, &standing) {
            let Some(run) = lines
                .get_mut(&owner)
                .and_then(std::collections::VecDeque::pop_front)
            else {
                break;
            };
            lines.retain(|_, line| !line.is_empty());
            turn += 1;
            let state = standing.entry(owner.clone()).or_insert(OwnerTurn {
                owner,
                n_active: 0,
                turn: 0,
            });
            let position = ordered.len() + 1;
            ordered.push(Queued {
                why: why(position, priority, n_owners, state.n_active),
                run,
                position,
            });
            state.n_active += 1;
            state.turn = turn;
        }
    }
    ordered
}

fn next_owner(
    lines: &HashMap<String, std::collections::VecDeque<Waiting>>,
    standing: &HashMap<String, OwnerTurn>,
) -> Option<String> {
    lines
        .iter()
        .filter_map(|(owner, line)| {
            let (n_active, turn) = standing
                .get(owner)
                .map_or((0, 0), |state| (state.n_active, state.turn));
            line.front()
                .map(|first| ((n_active, turn, first.queued_at_ms, owner), owner))
        })
        .min_by(|a, b| a.0.cmp(&b.0))
        .map(|(_, owner)| owner.clone())
}

fn why(position: usize, priority: i64, n_owners: usize, n_ahead_of_owner: i64) -> String {
    if position == 1 {
        return format!("priority {priority}; next in line");
    }
    let fairness = match n_owners {
        1 => "by time".to_owned(),
        n => format!(
            "{n} owners of this priority take turns and {n_ahead_of_owner} runs of this owner go before"
        ),
    };
    format!("priority {priority}; {fairness}; {} ahead", position - 1)
}
