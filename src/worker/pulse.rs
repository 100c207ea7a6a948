//! The worker's pulse: leases are renewed, wishes are fetched, and trainings are told when a report is due, so that they
//! need not look at the clock.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

use super::Shared;
use super::signal::Wish;

pub(super) async fn beat(shared: Arc<Shared>) {
    let mut report = tokio::time::interval(Duration::from_millis(
        shared.settings.report_interval_ms.max(1),
    ));
    report.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let heartbeat = Duration::from_millis(shared.settings.heartbeat_ms);
    let mut next_beat = Instant::now() + heartbeat;
    while !shared.is_stopping() {
        let idle = shared.actives().is_empty();
        tokio::select! {
            _ = report.tick(), if !idle => shared.actives().iter().for_each(|signal| signal.tick()),
            () = shared.woken.notified(), if idle => {}
            () = tokio::time::sleep_until(next_beat) => {
                next_beat = Instant::now() + heartbeat;
                renew(&shared).await;
                sweep(&shared).await;
            }
            () = shared.runs.attention() => renew(&shared).await,
        }
    }
    // While trainings let go, their leases are still kept: a drain is shorter than a lease.
}

/// Says which runs are still held, and passes on what is to become of them.
async fn renew(shared: &Shared) {
    let beats = shared.actives().iter().map(|signal| signal.beat).collect();
    match shared.runs.heartbeat(beats).await {
        Ok(answers) => {
            let actives = shared.actives();
            for (beat, directive) in answers {
                if let Some(signal) = actives.iter().find(|signal| signal.beat == beat) {
                    shared.pass_on(signal, Wish::from(directive));
                }
            }
        }
        Err(error) => tracing::warn!(%error, "leases could not be renewed"),
    }
}

async fn sweep(shared: &Shared) {
    match shared.runs.sweep().await {
        Ok(0) => {}
        Ok(n_lost) => tracing::warn!(n_lost, "runs of silent workers are queued again"),
        Err(error) => tracing::warn!(%error, "lost runs could not be looked for"),
    }
}
