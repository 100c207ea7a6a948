//! The table of what a status may become, cell by cell.

use descent::runs::RunsError;
use descent::runs::transition::{Verb, next};
use descent::store::runs::Status;

use crate::bench::Bench;

/// Every allowed move; every other pair is refused.
#[rustfmt::skip]
const ALLOWED: &[(Status, Verb, Status)] = &[
    (Status::Queued,     Verb::Claim,    Status::Preparing),
    (Status::Queued,     Verb::Cancel,   Status::Cancelled),
    (Status::Queued,     Verb::Pause,    Status::Paused),
    (Status::Preparing,  Verb::Start,    Status::Running),
    (Status::Preparing,  Verb::Fail,     Status::Failed),
    (Status::Preparing,  Verb::Cancel,   Status::Cancelling),
    (Status::Preparing,  Verb::Pause,    Status::Pausing),
    (Status::Preparing,  Verb::Lose,     Status::Queued),
    (Status::Preparing,  Verb::Release,  Status::Queued),
    (Status::Running,    Verb::Finalize, Status::Finalizing),
    (Status::Running,    Verb::Fail,     Status::Failed),
    (Status::Running,    Verb::Cancel,   Status::Cancelling),
    (Status::Running,    Verb::Pause,    Status::Pausing),
    (Status::Running,    Verb::Lose,     Status::Queued),
    (Status::Running,    Verb::Release,  Status::Queued),
    (Status::Finalizing, Verb::Succeed,  Status::Succeeded),
    (Status::Finalizing, Verb::Fail,     Status::Failed),
    (Status::Finalizing, Verb::Cancel,   Status::Cancelling),
    (Status::Finalizing, Verb::Lose,     Status::Queued),
    (Status::Finalizing, Verb::Release,  Status::Queued),
    (Status::Pausing,    Verb::Finalize, Status::Finalizing),
    (Status::Pausing,    Verb::Fail,     Status::Failed),
    (Status::Pausing,    Verb::Cancel,   Status::Cancelling),
    (Status::Pausing,    Verb::Park,     Status::Paused),
    (Status::Pausing,    Verb::Lose,     Status::Paused),
    (Status::Pausing,    Verb::Release,  Status::Paused),
    (Status::Paused,     Verb::Resume,   Status::Queued),
    (Status::Paused,     Verb::Cancel,   Status::Cancelled),
    (Status::Cancelling, Verb::Stop,     Status::Cancelled),
    (Status::Cancelling, Verb::Lose,     Status::Cancelled),
    (Status::Cancelling, Verb::Release,  Status::Cancelled),
];

#[test]
fn every_cell_of_the_table() {
    for status in Status::ALL {
        for verb in Verb::ALL {
            let wanted = ALLOWED
                .iter()
                .find(|(from, by, _)| (*from, *by) == (status, verb))
                .map(|(_, _, to)| *to);
            assert_eq!(next(status, verb), wanted, "{status} {verb:?}");
        }
    }
}

#[test]
fn nothing_leaves_a_terminal_state_and_every_other_state_can_be_left() {
    for status in Status::ALL {
        let ways_out = Verb::ALL
            .into_iter()
            .filter(|verb| next(status, *verb).is_some())
            .count();
        assert_eq!(ways_out == 0, status.is_terminal(), "{status}");
    }
}

#[tokio::test]
async fn users_actions_follow_the_table_and_a_repeated_one_changes_nothing() {
    let bench = Bench::new().await;
    let dataset = bench.small_dataset("ann").await;
    for status in Status::ALL {
        for verb in [Verb::Cancel, Verb::Pause, Verb::Resume] {
            let run = bench.submit("ann", dataset, 0).await.unwrap().id;
            bench.force(run, status).await;
            let runs = &bench.app.runs;
            let answer = match verb {
                Verb::Cancel => runs.cancel("ann", run).await,
                Verb::Pause => runs.pause("ann", run).await,
                _ => runs.resume("ann", run).await,
            };
            let after = bench.show("ann", run).await.status;
            match (next(status, verb), answer) {
                (Some(to), Ok(descent::runs::Acted::Accepted(row))) => {
                    assert_eq!((row.status, after), (to, to), "{verb:?} on {status}");
                }
                (None, Ok(descent::runs::Acted::Repeated(_))) => {
                    assert_eq!(after, status, "{verb:?} on {status}")
                }
                (None, Err(RunsError::Conflict { .. })) => {
                    assert_eq!(after, status, "{verb:?} on {status}")
                }
                (wanted, got) => panic!("{verb:?} on {status}: wanted {wanted:?}, got {got:?}"),
            }
            if !after.is_terminal() {
                bench.force(run, Status::Cancelled).await;
            }
        }
    }
}
