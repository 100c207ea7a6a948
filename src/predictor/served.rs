//! A model that is opened: checked, unpacked and ready for rows. Immutable and shared; nothing in it waits for training.

use std::sync::{Mutex, PoisonError};

use descent_engine::model::Model;

use super::answer::Answers;
use super::document::{ModelDocument, sha256_hex};
use super::encode::Spellings;
use super::error::OpenError;
use super::inputs::Inputs;
use super::network::{Answering, Network};
use super::scoring::Workspace;
use crate::data::{Encoding, Sample, TargetEncoding, Transform};

/// Workspaces that are kept warm per model; more are made when more requests run at once, and dropped afterwards.
const MAX_WORKSPACES: usize = 16;

/// The name under which a version is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The model's name.
    pub name: String,
    /// The version's number, from 1.
    pub version: i64,
}

/// One version of a model, opened.
pub struct ServedModel {
    version: Version,
    document: ModelDocument,
    document_sha256: String,
    inputs: Inputs,
    spellings: Spellings,
    /// What a row is, for a model of arrays.
    sample: Option<Sample>,
    answers: Answers,
    network: Network,
    output_names: Vec<String>,
    /// What the network says of the mean training row.
    baseline_raw: Vec<f32>,
    n_bytes: usize,
    workspaces: Mutex<Vec<Workspace>>,
}

impl std::fmt::Debug for ServedModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServedModel")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl ServedModel {
    /// Opens a version: `sealed` is the stored document (see [`ModelDocument::seal`]), `weights` the bytes of its safetensors file.
    /// Both digests and every shape are checked, so that what is served is what was trained.
    ///
    /// # Errors
    /// When bytes are damaged or the parts contradict each other.
    pub fn open(version: Version, sealed: &str, weights: &[u8]) -> Result<Self, OpenError> {
        let (document, document_sha256) = ModelDocument::unseal(sealed)?;
        let got = sha256_hex(weights);
        if got != document.weights_sha256 {
            return Err(OpenError::Digest {
                what: "weights",
                expected: document.weights_sha256,
                got,
            });
        }
        let transform = &document.transform;
        check_transform(transform, &document.baseline)?;
        let (input, target) = (transform.sample_shape(), &transform.target);
        let isa = &document.engine.instruction_set;
        let network = Network::open(&document.spec, input, target, weights, isa)?;
        let output_names = target.output_names(network.model().network().head());
        let columns = transform
            .schema
            .columns
            .iter()
            .map(|column| column.name.as_str().into())
            .collect();
        let inputs = Inputs::new(
            columns,
            transform.inputs.iter().map(|input| input.column).collect(),
        );
        let answers = Answers::new(
            &version,
            &document.weights_sha256,
            classifies(network.answering()),
            &output_names,
            &inputs,
        );
        let n_bytes = network.n_bytes() + 4 * sealed.len();
        Ok(Self {
            version,
            spellings: Spellings::of(transform),
            sample: transform.sample(),
            inputs,
            answers,
            baseline_raw: network.raw_row(&document.baseline),
            network,
            output_names,
            n_bytes,
            document_sha256,
            document,
            workspaces: Mutex::default(),
        })
    }

    /// Name and version.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The document it was opened from.
    pub fn document(&self) -> &ModelDocument {
        &self.document
    }

    /// SHA-256 of the document, as lower-case hex.
    pub fn document_sha256(&self) -> &str {
        &self.document_sha256
    }

    /// SHA-256 of the weights, as lower-case hex: the model's identity.
    pub fn sha256(&self) -> &str {
        &self.document.weights_sha256
    }

    /// Whether it answers labels (else values).
    pub fn classifies(&self) -> bool {
        classifies(self.answering())
    }

    /// Rows of one request that are explained at most: `most`, and of a large network as many as take some seconds; at least one.
    pub(super) fn most_explained_rows(&self, most: u64) -> u64 {
        const MULTIPLICATIONS: u128 = 1 << 37;
        let n_explained = match self.classifies() {
            true => 1,
            false => self.output_names.len(),
        };
        let of_row = self.model().explanation_multiplications() * n_explained as u128;
        let affordable = MULTIPLICATIONS / of_row.max(1);
        affordable.clamp(1, u128::from(most.max(1))) as u64
    }

    /// Names of the outputs: the classes, the target columns, or the dimensions of an embedding.
    pub fn output_names(&self) -> &[String] {
        &self.output_names
    }

    /// Memory it takes, roughly.
    pub fn n_bytes(&self) -> usize {
        self.n_bytes
    }

    /// The trained network, which looks at features.
    pub fn model(&self) -> &Model {
        self.network.model()
    }

    /// What is answered for what the network says.
    pub fn answering(&self) -> Answering {
        self.network.answering()
    }

    pub(super) fn transform(&self) -> &Transform {
        &self.document.transform
    }

    pub(super) fn baseline(&self) -> &[f32] {
        &self.document.baseline
    }

    pub(super) fn baseline_raw(&self) -> &[f32] {
        &self.baseline_raw
    }

    pub(super) fn n_features(&self) -> usize {
        self.document.baseline.len()
    }

    pub(super) fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    pub(super) fn sample(&self) -> Option<&Sample> {
        self.sample.as_ref()
    }

    pub(super) fn spellings(&self) -> &Spellings {
        &self.spellings
    }

    pub(super) fn answers(&self) -> &Answers {
        &self.answers
    }

    pub(super) fn network(&self) -> &Network {
        &self.network
    }

    pub(super) fn borrow_workspace(&self) -> Workspace {
        let kept = self
            .workspaces
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        kept.unwrap_or_default()
    }

    pub(super) fn return_workspace(&self, workspace: Workspace) {
        let mut kept = self
            .workspaces
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MAX_WORKSPACES {
            kept.push(workspace);
        }
    }
}

fn classifies(answering: Answering) -> bool {
    match answering {
        Answering::Classes | Answering::Binary | Answering::Crisp => true,
        Answering::Values | Answering::Places => false,
    }
}

/// Everything that later is taken for granted about a document's numbers.
fn check_transform(transform: &Transform, baseline: &[f32]) -> Result<(), OpenError> {
    let wrong = |message: String| Err(OpenError::Shape(message));
    let n_columns = transform.schema.columns.len();
    let mut next = 0;
    for input in &transform.inputs {
        if input.column >= n_columns {
            return wrong(format!(
                "input {:?} is column {} of {n_columns}",
                input.name, input.column
            ));
        }
        if input.first_feature != next {
            return wrong(format!(
                "input {:?} starts at feature {}, not {next}",
                input.name, input.first_feature
            ));
        }
        next += input.encoding.width();
        if let Encoding::Array {
            shape,
            shift,
            scale,
            ..
        } = &input.encoding
        {
            let n_channels = shape.last().map_or(0, |size| *size as usize);
            if shift.len() != n_channels || scale.len() != n_channels || transform.inputs.len() > 1
            {
                return wrong(format!(
                    "input {:?} does not have the channels of its shape",
                    input.name
                ));
            }
        }
    }
    if baseline.len() != next {
        return wrong(format!(
            "the mean row has {} features, the transform makes {next}",
            baseline.len()
        ));
    }
    match &transform.target {
        TargetEncoding::Classes { classes, .. } if classes.len() < 2 => {
            wrong("there are fewer than two classes".into())
        }
        TargetEncoding::Values {
            names, mean, std, ..
        } if names.len() != mean.len() || names.len() != std.len() => {
            wrong("the targets' names, means and standard deviations differ in number".into())
        }
        _ => Ok(()),
    }
}
