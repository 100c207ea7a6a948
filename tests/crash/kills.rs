//! The crash test itself: a seeded sequence of lives and deaths of one server.

use std::path::Path;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::runtime::Runtime;

use crate::client::{Answer, Client};
use crate::plan::{self, Dice, LONG, Phase, SHORT};
use crate::record::{Record, Upload, verify};
use crate::server::Server;

/// Longest wait for something a living server does soon.
const SOON: Duration = Duration::from_secs(15);
/// Long runs that are kept in work, so that there is always something to kill.
const IN_WORK: usize = 2;

/// How long things take undisturbed on this machine: where a kill may hit.
#[derive(Debug, Clone, Copy)]
pub struct Typical {
    pub upload: Duration,
    pub submit: Duration,
    pub short_run: Duration,
}

pub struct Story<'t> {
    pub runtime: &'t Runtime,
    pub data_dir: &'t Path,
    pub specs: &'t [Value],
    pub dice: Dice,
    pub typical: Typical,
    pub record: Record,
    /// What happened, for whoever has to find out why.
    pub history: Vec<String>,
    /// Requests that were under way when the server died.
    pub n_cut_off: usize,
}

impl Story<'_> {
    /// One life: does what the phase says, dies in its middle, and is checked dead and alive again.
    pub fn live(&mut self, mut server: Server, phase: Phase) -> Result<Server, String> {
        let round = self.history.len() + 1;
        self.history.push(format!("{round}: {phase}"));
        match phase {
            Phase::Upload => self.cut_uploads(&mut server)?,
            Phase::Submit => self.cut_submits(&mut server)?,
            Phase::Train => {
                let typical = Duration::from_millis(300);
                self.after_event(&mut server, "metric", typical)?;
            }
            Phase::Checkpoint => {
                self.after_event(&mut server, "checkpoint", Duration::from_millis(60))?
            }
            Phase::Finish => self.cut_finish(&mut server)?,
        }
        drop(server); // a server that was not killed yet is killed here
        self.runtime
            .block_on(verify(self.data_dir))
            .map_err(|e| format!("dead: {e}"))?;
        let server = Server::start(self.data_dir, &[])?;
        self.no_leftovers()?;
        let client = Client::new(&server);
        self.runtime
            .block_on(self.record.check(&client, self.specs, &mut self.dice))?;
        self.runtime
            .block_on(verify(self.data_dir))
            .map_err(|e| format!("alive again: {e}"))?;
        self.note(format!("ready after {:?}", server.ready_after));
        Ok(server)
    }

    fn note(&mut self, what: String) {
        if let Some(line) = self.history.last_mut() {
            line.push_str(", ");
            line.push_str(&what);
        }
    }

    /// Lets the server live for a part of `longest`.
    fn live_a_while(&mut self, server: &mut Server, longest: Duration) -> Result<(), String> {
        let moment = self.dice.moment(longest);
        self.note(format!("killed after {moment:?}"));
        server.live_for(moment)
    }

    fn cut_uploads(&mut self, server: &mut Server) -> Result<(), String> {
        let client = Client::new(server);
        let first = self.record.uploads.len();
        for n_bytes in [
            2_000_000 + self.dice.below(2_000_000),
            1_000 + self.dice.below(100_000),
        ] {
            let upload_idx = self.record.uploads.len();
            let bytes = plan::table(self.dice.next(), n_bytes);
            self.record.uploads.push(Upload {
                name: format!("upload-{upload_idx}"),
                bytes,
                id: None,
            });
        }
        let tasks: Vec<_> = self.record.uploads[first..]
            .iter()
            .map(|upload| {
                let (client, name, bytes) =
                    (client.clone(), upload.name.clone(), upload.bytes.clone());
                self.runtime
                    .spawn(async move { client.upload(&name, bytes).await })
            })
            .collect();
        self.live_a_while(server, self.typical.upload.mul_f64(1.3))?;
        server.kill_now()?;
        for (i, task) in tasks.into_iter().enumerate() {
            let answer = self.answer(task)?;
            self.record.uploaded(first + i, answer)?;
        }
        Ok(())
    }

    fn cut_submits(&mut self, server: &mut Server) -> Result<(), String> {
        let client = Client::new(server);
        let first = self.record.submits.len();
        let n_long = self.long_in_work();
        for i in 0..3 {
            let spec_idx = if i == 0 && n_long < 2 * IN_WORK {
                self.dice.below(LONG.len())
            } else {
                SHORT
            };
            self.record.plan_submit(spec_idx);
        }
        let tasks: Vec<_> = (first..self.record.submits.len())
            .map(|submit_idx| {
                let (client, (key, document)) =
                    (client.clone(), self.record.document(submit_idx, self.specs));
                self.runtime
                    .spawn(async move { client.submit(&key, &document).await })
            })
            .collect();
        self.live_a_while(server, self.typical.submit.mul_f64(2.0))?;
        server.kill_now()?;
        for (i, task) in tasks.into_iter().enumerate() {
            let answer = self.answer(task)?;
            self.record.submitted(first + i, answer)?;
        }
        Ok(())
    }

    fn cut_finish(&mut self, server: &mut Server) -> Result<(), String> {
        let client = Client::new(server);
        let id = self
            .record
            .submit_now(self.runtime, &client, SHORT, self.specs)?;
        let events = client.follow(self.runtime.handle(), &id);
        wait_for(&events, |kind, event| {
            kind == "state" && event["status"] != "queued"
        })?;
        self.live_a_while(server, self.typical.short_run.mul_f64(1.3))?;
        server.kill_now()
    }

    /// Kills while long runs train, a moment after the next event of a sort.
    fn after_event(
        &mut self,
        server: &mut Server,
        sort: &str,
        longest: Duration,
    ) -> Result<(), String> {
        let client = Client::new(server);
        while self.long_in_work() < IN_WORK {
            let spec_idx = LONG.start + self.record.submits.len() % LONG.len();
            self.record
                .submit_now(self.runtime, &client, spec_idx, self.specs)?;
        }
        let oldest = self
            .record
            .unfinished()
            .find(|submit| LONG.contains(&submit.spec_idx));
        let id = oldest
            .and_then(|submit| submit.id.clone())
            .ok_or("no long run is in work")?;
        let events = client.follow(self.runtime.handle(), &id);
        // The run may be so near its end that it is over before the event.
        let since = &server.started_at;
        wait_for(&events, |kind, event| {
            kind == "done" || (kind == sort && event["ts"].as_str() >= Some(since))
        })?;
        self.live_a_while(server, longest)?;
        server.kill_now()
    }

    fn long_in_work(&self) -> usize {
        self.record
            .unfinished()
            .filter(|submit| LONG.contains(&submit.spec_idx))
            .count()
    }

    fn answer(&mut self, task: tokio::task::JoinHandle<Answer>) -> Result<Answer, String> {
        let answer = self.runtime.block_on(task).map_err(|e| e.to_string())?;
        if matches!(answer, Answer::Unknown) {
            self.n_cut_off += 1;
            self.note("cut off".to_owned());
        }
        Ok(answer)
    }

    /// Half-written files are gone once the server is up again.
    fn no_leftovers(&self) -> Result<(), String> {
        let blobs = self.data_dir.join("blobs");
        for entry in std::fs::read_dir(&blobs)
            .map_err(|e| e.to_string())?
            .flatten()
        {
            if entry.file_name().to_string_lossy().starts_with(".writing-") {
                return Err(format!("{} was left behind", entry.path().display()));
            }
        }
        Ok(())
    }
}

/// Waits for an event; a stream that ends without it, or says nothing for long, is a violation.
pub fn wait_for(
    events: &Receiver<(String, Value)>,
    wanted: impl Fn(&str, &Value) -> bool,
) -> Result<Value, String> {
    let began = Instant::now();
    let mut last = String::from("nothing");
    while let Some(left) = SOON.checked_sub(began.elapsed()) {
        match events.recv_timeout(left) {
            Ok((kind, event)) if wanted(&kind, &event) => return Ok(event),
            Ok((kind, event)) => last = format!("{kind} {event}"),
            Err(e) => {
                return Err(format!(
                    "waiting for an event: {e}; the last one was {last}"
                ));
            }
        }
    }
    Err(format!(
        "an event did not come within {SOON:?}; the last one was {last}"
    ))
}
