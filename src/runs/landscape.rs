//! The loss around a run's weights: asked for, computed at lower priority than any training, kept.

use std::time::Duration;

use descent_engine::spec::{Family, Spec};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::trajectory::Description;
use super::{Runs, RunsError, until};
use crate::blobs::hex;
use crate::ids::{LandscapeId, RunId};
use crate::store::landscapes::{self, Landscape, Status};
use crate::store::runs::{self, Run};
use crate::store::trajectories::{self, Points};
use crate::store::{Json, checkpoints};

/// Surfaces of one owner that may wait at the same time.
const MAX_OPEN: i64 = 100;

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The plane of the path's two main directions.
    Plane,
    /// The plane of two random directions with filters as long as those of the weights.
    Random,
    /// The line along the gradient.
    Gradient,
    /// The line between the weights of two runs.
    Between,
    /// A plane through the weights of two runs, with both paths.
    Shared,
}

impl Kind {
    /// Whether there is a second axis.
    pub fn is_plane(self) -> bool {
        matches!(self, Self::Plane | Self::Random | Self::Shared)
    }
}

/// A question, every default filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LandscapeRequest {
    /// What is looked at.
    pub kind: Kind,
    /// Places along each axis, odd.
    pub resolution: u32,
    /// Training rows that the loss is a mean over, at most.
    pub samples: u32,
    /// How far the axes go; by default as far as the path.
    pub range: Option<f64>,
    /// The second run.
    pub other: Option<RunId>,
    /// Draws the rows, and random directions.
    pub seed: u64,
    /// For the gradient: after how many steps; the kept weights by default.
    pub step: Option<u64>,
}

/// What a surface is made of, of one run.
#[derive(Debug, Clone)]
pub struct Material {
    /// The run.
    pub run: Run,
    /// What the numbers of its path are.
    pub description: Description,
    /// Its path.
    pub points: Points,
    /// Whole weights at some of the points.
    pub snapshots: Vec<(u64, Vec<u16>)>,
    /// Hash of its newest checkpoint.
    pub checkpoint: Option<String>,
}

/// A surface that is to be computed.
#[derive(Debug, Clone)]
pub struct Survey {
    /// The question.
    pub row: Landscape,
    /// The run it is about.
    pub own: Run,
    /// The second run.
    pub other: Option<Run>,
}

impl Runs {
    /// Asks for a surface. `true`: it was not asked for before with the paths as they are.
    ///
    /// # Errors
    /// [`RunsError::NoLandscape`] when there cannot be one, with the reason.
    pub async fn ask_landscape(
        &self,
        owner: &str,
        id: RunId,
        request: LandscapeRequest,
    ) -> Result<(Landscape, bool), RunsError> {
        let own = self.material(self.show(owner, id).await?).await?;
        self.check(&own, &request)?;
        let other = match request.other {
            None => None,
            Some(other) => {
                let other = self.material(self.show(owner, other).await?).await?;
                self.check(&other, &request)?;
                comparable(&own, &other)?;
                Some(other)
            }
        };
        let text = Json::of(&request)?;
        let key = key(&text, &own, other.as_ref());
        let row = Landscape {
            id: LandscapeId(self.0.ids.next()?),
            run_id: own.run.id,
            other_id: request.other,
            key,
            request: text,
            status: Status::Queued,
            reason: None,
            progress: 0.0,
            result: None,
            created_at_ms: self.0.clock.now_ms(),
            finished_at_ms: None,
        };
        let (room, owner) = (self.clone(), owner.to_owned());
        self.0
            .store
            .write(move |tx| {
                Box::pin(async move {
                    match landscapes::of_key(tx, row.run_id, &row.key).await? {
                        // What failed may be tried again.
                        Some(known) if known.status == Status::Failed => {
                            landscapes::delete(tx, known.id).await?;
                        }
                        Some(known) => return Ok((known, false)),
                        None => {}
                    }
                    if landscapes::count_open(tx, &owner).await? >= MAX_OPEN {
                        return Err(RunsError::TooManyLandscapes { limit: MAX_OPEN });
                    }
                    room.check_space()?;
                    landscapes::insert(tx, &row).await?;
                    tx.after_commit(move || room.0.surveys.notify_one());
                    Ok((row, true))
                })
            })
            .await
    }

    /// One surface of a run, or the newest; `None` when none was asked for.
    ///
    /// # Errors
    /// [`RunsError::Absent`] when there is no such run.
    pub async fn landscape(
        &self,
        owner: &str,
        run: RunId,
        id: Option<LandscapeId>,
    ) -> Result<Option<Landscape>, RunsError> {
        let run = self.show(owner, run).await?.id;
        Ok(landscapes::find(&self.0.store, run, id).await?)
    }

    /// The surface as soon as it is done, or as it stands after `patience`.
    ///
    /// # Errors
    /// As [`Runs::landscape`].
    pub async fn wait_landscape(
        &self,
        owner: &str,
        run: RunId,
        id: Option<LandscapeId>,
        patience: Duration,
    ) -> Result<Option<Landscape>, RunsError> {
        let look = || self.landscape(owner, run, id);
        until(self.subscribe(), run, patience, look, |found| {
            found
                .as_ref()
                .is_none_or(|found| found.status.is_terminal())
        })
        .await
    }

    /// What a surface of a run is made of.
    ///
    /// # Errors
    /// [`RunsError::NoLandscape`] while training has not begun.
    pub async fn material(&self, run: Run) -> Result<Material, RunsError> {
        let id = run.id;
        let document = trajectories::document(&self.0.store, id).await?;
        let Some(document) = document else {
            let why = "its training has not begun, or was recorded by a version without paths";
            return Err(unavailable(&run, why));
        };
        let kept = checkpoints::list(&self.0.store, id).await?;
        Ok(Material {
            description: document.parse()?,
            points: trajectories::points(&self.0.store, id).await?,
            snapshots: trajectories::snapshots(&self.0.store, id).await?,
            checkpoint: kept.first().map(|checkpoint| checkpoint.sha256.clone()),
            run,
        })
    }

    /// Ends when a surface may be waiting. Enable it before looking.
    pub fn surveys(&self) -> tokio::sync::futures::Notified<'_> {
        self.0.surveys.notified()
    }

    /// Wakes whoever computes surfaces, to look again.
    pub fn wake_survey(&self) {
        self.0.surveys.notify_one();
    }

    /// The next surface to be computed.
    ///
    /// # Errors
    /// When the record fails.
    pub async fn claim_landscape(&self) -> Result<Option<Survey>, RunsError> {
        self.0
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let Some(row) = landscapes::claim(tx).await? else {
                        return Ok(None);
                    };
                    let own = runs::get(tx, row.run_id, None)
                        .await?
                        .ok_or(RunsError::Absent)?;
                    let other = match row.other_id {
                        Some(other) => runs::get(tx, other, None).await?,
                        None => None,
                    };
                    Ok(Some(Survey { row, own, other }))
                })
            })
            .await
    }

    /// Says how far a surface is; `false` when nobody wants it any more.
    ///
    /// # Errors
    /// When the record fails.
    pub async fn landscape_progress(&self, row: &Landscape, part: f64) -> Result<bool, RunsError> {
        let (id, run, room) = (row.id, row.run_id, self.clone());
        self.0
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let wanted = landscapes::progress(tx, id, part).await?;
                    tx.after_commit(move || room.ring(run, None));
                    Ok(wanted)
                })
            })
            .await
    }

    /// Writes the answer, or in a sentence why there is none.
    ///
    /// # Errors
    /// When the record fails.
    pub async fn finish_landscape(
        &self,
        row: &Landscape,
        answer: Result<Json, String>,
    ) -> Result<(), RunsError> {
        let (id, run, room) = (row.id, row.run_id, self.clone());
        let now_ms = self.0.clock.now_ms();
        self.0
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let answer = answer.as_ref().map_err(String::as_str);
                    landscapes::finish(tx, id, answer, now_ms).await?;
                    tx.after_commit(move || room.ring(run, None));
                    Ok(())
                })
            })
            .await
    }

    /// Refuses what cannot be answered for one of the runs.
    fn check(&self, material: &Material, request: &LandscapeRequest) -> Result<(), RunsError> {
        let Material {
            run, description, ..
        } = material;
        let spec: Spec = match &run.resolved_spec {
            Some(spec) => spec.parse()?,
            None => return Err(unavailable(run, "its training has not begun")),
        };
        if spec.family() == Family::Perceptron {
            return Err(unavailable(
                run,
                "a perceptron corrects mistakes and has no surface to go down",
            ));
        }
        let layout = description.layout();
        let has_weights = material.checkpoint.is_some()
            || (description.n_statistics == 0
                && !material.points.points.is_empty()
                && (layout.is_complete() || !material.snapshots.is_empty()));
        if !has_weights {
            return Err(unavailable(
                run,
                "none of its weights are on record yet; ask again after its first checkpoint",
            ));
        }
        let has_path = layout.is_complete() || layout.snapshots().is_some();
        if matches!(request.kind, Kind::Plane | Kind::Shared) && !has_path {
            let why = format!(
                "a plane of its path needs whole weights at several points, which for {} parameters do not fit into 16 MiB; `random`, `gradient` and `between` need none",
                description.n_trained
            );
            return Err(unavailable(run, &why));
        }
        let last = material.points.points.last().map_or(0, |point| point.step);
        if let Some(step) = request.step.filter(|step| *step > last) {
            let why = format!("its path has no step {step}, the last is {last}");
            return Err(unavailable(run, &why));
        }
        let axis = u64::from(request.resolution);
        let n_cells = if request.kind.is_plane() {
            axis * axis
        } else {
            axis
        };
        // Forward is a third of a step.
        let forward = description.flops_per_sample / 3;
        let flops = n_cells
            .saturating_mul(request.samples.into())
            .saturating_mul(forward);
        if flops > self.0.landscape_flops {
            return Err(RunsError::LandscapeTooLarge {
                flops,
                limit: self.0.landscape_flops,
            });
        }
        Ok(())
    }
}

/// Two runs can be laid into one space when their networks have the same layers, targets and loss.
fn comparable(own: &Material, other: &Material) -> Result<(), RunsError> {
    if own.run.id == other.run.id {
        return Err(RunsError::NotComparable("it is the same run".to_owned()));
    }
    let form = |material: &Material| -> Result<_, RunsError> {
        let Description {
            n_trained,
            n_statistics,
            ..
        } = material.description;
        let spec: Option<Value> = material
            .run
            .resolved_spec
            .as_ref()
            .map(Json::parse)
            .transpose()?;
        let spec = spec.unwrap_or_default();
        let (task, loss) = (&spec["task"], &spec["loss"]["kind"]);
        let meaning = [&task["kind"], &task["target"], loss].map(Value::clone);
        Ok((n_trained, n_statistics, layers(&spec["network"]), meaning))
    };
    if form(own)? != form(other)? {
        let why = "its layers, target or loss are others, so no straight line leads from the weights of one to those of the other";
        return Err(RunsError::NotComparable(why.to_owned()));
    }
    Ok(())
}

/// The layers without what does not change where a weight belongs: how it began, and what is dropped.
fn layers(network: &Value) -> Vec<Value> {
    let layers = network.as_array().into_iter().flatten();
    layers
        .filter(|layer| layer["kind"] != "dropout")
        .cloned()
        .map(|mut layer| {
            if let Some(fields) = layer.as_object_mut() {
                fields.remove("init");
            }
            layer
        })
        .collect()
}

/// Names the question and how far the paths were.
fn key(request: &Json, own: &Material, other: Option<&Material>) -> String {
    let mut hash = Sha256::new();
    hash.update(request.get().as_bytes());
    // Answers about two runs that were kept before both had to have seen the rows are not those of today.
    if other.is_some() {
        hash.update(b"rows of both");
    }
    for material in [Some(own), other].into_iter().flatten() {
        let last = material.points.points.last().map_or(0, |point| point.step);
        hash.update(last.to_le_bytes());
        hash.update([u8::from(material.run.status.is_terminal())]);
        hash.update(material.checkpoint.as_deref().unwrap_or("").as_bytes());
    }
    hex(&hash.finalize())
}

fn unavailable(run: &Run, why: &str) -> RunsError {
    RunsError::NoLandscape(format!("run {} has no such landscape: {why}", run.id))
}
