//! What the server promised, and whether it keeps it after every restart.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use bytes::Bytes;
use descent::backup;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::client::{Answer, Client, keyed};
use crate::plan::Dice;

/// An upload somebody began. Its name is its own.
pub struct Upload {
    pub name: String,
    pub bytes: Bytes,
    /// Once promised, or found complete.
    pub id: Option<String>,
}

/// A run somebody asked for. Its key is its own.
pub struct Submit {
    pub key: String,
    pub spec_idx: usize,
    /// Once promised.
    pub id: Option<String>,
    pub over: bool,
}

#[derive(Default)]
pub struct Record {
    pub uploads: Vec<Upload>,
    pub submits: Vec<Submit>,
    /// Uploads whose bytes were not read back since they were promised.
    unread: HashSet<usize>,
    /// How a run ended, as it was first seen: when, with which model.
    ends: HashMap<String, Value>,
}

impl Record {
    /// An upload's answer. A refusal is a violation: nothing here is wrong with the files.
    pub fn uploaded(&mut self, upload_idx: usize, answer: Answer) -> Result<(), String> {
        let upload = &mut self.uploads[upload_idx];
        match answer {
            Answer::Promised(id) => {
                upload.id = Some(id);
                self.unread.insert(upload_idx);
                Ok(())
            }
            Answer::Unknown => Ok(()),
            Answer::Refused(why) => Err(format!("upload {} was refused: {why}", upload.name)),
        }
    }

    /// A submission's answer. The same key must always answer the same run.
    pub fn submitted(&mut self, submit_idx: usize, answer: Answer) -> Result<(), String> {
        let submit = &mut self.submits[submit_idx];
        match answer {
            Answer::Promised(id) => match submit.id.replace(id.clone()) {
                Some(before) if before != id => Err(format!(
                    "key {} made run {before} and then {id}",
                    submit.key
                )),
                _ => Ok(()),
            },
            Answer::Unknown => Ok(()),
            Answer::Refused(why) => Err(format!("submission {} was refused: {why}", submit.key)),
        }
    }

    /// Uploads and waits for the promise.
    pub fn upload_now(&mut self, runtime: &Runtime, client: &Client, name: &str, bytes: Bytes) {
        self.uploads.push(Upload {
            name: name.to_owned(),
            bytes: bytes.clone(),
            id: None,
        });
        let upload_idx = self.uploads.len() - 1;
        let answer = runtime.block_on(client.upload(name, bytes));
        self.uploaded(upload_idx, answer).unwrap();
        assert!(
            self.uploads[upload_idx].id.is_some(),
            "{name} got no answer"
        );
    }

    /// Adds a run that somebody is about to ask for.
    pub fn plan_submit(&mut self, spec_idx: usize) -> usize {
        let submit_idx = self.submits.len();
        self.submits.push(Submit {
            key: format!("key-{submit_idx}"),
            spec_idx,
            id: None,
            over: false,
        });
        submit_idx
    }

    /// Key and document of a planned run.
    pub fn document(&self, submit_idx: usize, specs: &[Value]) -> (String, Value) {
        let submit = &self.submits[submit_idx];
        (
            submit.key.clone(),
            keyed(&specs[submit.spec_idx], &submit.key),
        )
    }

    /// Submits a run and waits for the promise.
    pub fn submit_now(
        &mut self,
        runtime: &Runtime,
        client: &Client,
        spec_idx: usize,
        specs: &[Value],
    ) -> Result<String, String> {
        let submit_idx = self.plan_submit(spec_idx);
        let (key, document) = self.document(submit_idx, specs);
        let answer = runtime.block_on(client.submit(&key, &document));
        self.submitted(submit_idx, answer)?;
        self.submits[submit_idx]
            .id
            .clone()
            .ok_or_else(|| format!("{key} got no answer from a living server"))
    }

    /// Runs that are not known to be over.
    pub fn unfinished(&self) -> impl Iterator<Item = &Submit> {
        self.submits.iter().filter(|submit| !submit.over)
    }

    /// After a restart: everything promised is there, once and whole, and nothing else is.
    pub async fn check(
        &mut self,
        client: &Client,
        specs: &[Value],
        dice: &mut Dice,
    ) -> Result<(), String> {
        self.check_uploads(client, dice).await?;
        // Whoever got no answer asks again with the same key, as clients do.
        for submit_idx in 0..self.submits.len() {
            if self.submits[submit_idx].id.is_none() {
                let (key, document) = self.document(submit_idx, specs);
                let answer = client.submit(&key, &document).await;
                self.submitted(submit_idx, answer)?;
            }
        }
        self.check_runs(client).await
    }

    async fn check_uploads(&mut self, client: &Client, dice: &mut Dice) -> Result<(), String> {
        let mut listed: HashMap<String, Vec<String>> = HashMap::new();
        for dataset in client.all("/v1/datasets").await? {
            let text = |field: &str| dataset[field].as_str().unwrap_or_default().to_owned();
            listed.entry(text("name")).or_default().push(text("id"));
        }
        for (upload_idx, upload) in self.uploads.iter_mut().enumerate() {
            match (
                listed.remove(&upload.name).unwrap_or_default().as_slice(),
                &upload.id,
            ) {
                ([], None) => {}
                ([found], None) => {
                    upload.id = Some(found.clone());
                    self.unread.insert(upload_idx);
                }
                ([found], Some(id)) if found == id => {}
                ([], Some(id)) => {
                    return Err(format!(
                        "upload {} got a 2xx as {id} and is gone",
                        upload.name
                    ));
                }
                (found, id) => {
                    return Err(format!(
                        "upload {} is {id:?} and there as {found:?}",
                        upload.name
                    ));
                }
            }
        }
        if let Some(name) = listed.keys().next() {
            return Err(format!("there is a dataset {name:?} nobody uploaded"));
        }
        self.unread.insert(dice.below(self.uploads.len()));
        for upload_idx in std::mem::take(&mut self.unread) {
            self.read_back(client, upload_idx).await?;
        }
        Ok(())
    }

    async fn read_back(&self, client: &Client, upload_idx: usize) -> Result<(), String> {
        let Upload {
            name,
            bytes,
            id: Some(id),
        } = &self.uploads[upload_idx]
        else {
            return Ok(());
        };
        let found = client.bytes(&format!("/v1/datasets/{id}/content")).await?;
        if found == *bytes {
            return Ok(());
        }
        Err(format!(
            "upload {name} has {} bytes, and {} other ones came back",
            bytes.len(),
            found.len()
        ))
    }

    /// Every upload, byte for byte.
    pub async fn read_all_back(&self, client: &Client) -> Result<(), String> {
        for upload_idx in 0..self.uploads.len() {
            self.read_back(client, upload_idx).await?;
        }
        Ok(())
    }

    async fn check_runs(&mut self, client: &Client) -> Result<(), String> {
        let mut listed: HashMap<String, Value> = HashMap::new();
        for run in client.all("/v1/runs").await? {
            let key = run["metadata"]["key"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            if let Some(twin) = listed.insert(key.clone(), run) {
                return Err(format!(
                    "key {key} made two runs, one of them {}",
                    twin["id"]
                ));
            }
        }
        for submit in &mut self.submits {
            let Some(id) = &submit.id else {
                return Err(format!(
                    "submission {} got no answer from a living server",
                    submit.key
                ));
            };
            let Some(run) = listed.remove(&submit.key) else {
                return Err(format!("run {id} ({}) is gone", submit.key));
            };
            if run["id"] != id.as_str() {
                return Err(format!("run {id} ({}) is now {}", submit.key, run["id"]));
            }
            if run["terminal"] != true {
                if self.ends.contains_key(id) {
                    return Err(format!("run {id} was over and is {} again", run["status"]));
                }
                continue;
            }
            if run["status"] != "succeeded" {
                return Err(format!(
                    "run {id} ({}) is {}: {}",
                    submit.key, run["status"], run["status_reason"]
                ));
            }
            submit.over = true;
            let end = serde_json::json!([run["finished_at"], run["model"], run["attempts"]]);
            let before = self.ends.entry(id.clone()).or_insert_with(|| end.clone());
            if *before != end {
                return Err(format!("run {id} ended as {before} and again as {end}"));
            }
        }
        match listed.keys().next() {
            Some(key) => Err(format!("there is a run with key {key:?} nobody submitted")),
            None => Ok(()),
        }
    }
}

/// `descent verify` on the folder, from inside this process.
pub async fn verify(data_dir: &Path) -> Result<(), String> {
    let verified = backup::verify(data_dir).await.map_err(|e| e.to_string())?;
    if verified.is_sound() {
        Ok(())
    } else {
        Err(verified.to_string())
    }
}
