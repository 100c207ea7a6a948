//! What a prediction looks like on the wire, for the contract. The predictor reads and writes these documents without building them,
//! so nothing here is ever a value.
#![allow(dead_code)]

use std::collections::BTreeMap;

use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Rows to predict. Read by the predictor without building this; it stands here for the contract.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PredictRequest {
    /// The rows.
    #[schema(example = json!([{"Age": 31, "Sex": "female", "Pclass": null}]))]
    rows: Vec<RawRow>,
}

/// A row: an object by column name, where a missing column counts as a missing value, or an array in the order of the file. For a
/// model of arrays: the sample as numbers in one list or in nested lists of its shape, or as a `data:` URL.
#[derive(ToSchema)]
#[serde(untagged)]
enum RawRow {
    ByName(BTreeMap<String, RawValue>),
    InOrder(Vec<RawValue>),
    Sample(String),
}

/// A value as in the training file; `null` is a missing one, and the numbers of a sample are lists.
struct RawValue;

impl PartialSchema for RawValue {
    fn schema() -> RefOr<Schema> {
        let kinds = [
            Type::Number,
            Type::Boolean,
            Type::String,
            Type::Null,
            Type::Array,
        ];
        let about = "A value as in the training file; `null` is a missing one. For a model of arrays, the numbers of a sample in lists.";
        ObjectBuilder::new()
            .schema_type(SchemaType::from_iter(kinds))
            .description(Some(about))
            .into()
    }
}

impl ToSchema for RawValue {}

/// The bytes of a picture, or of an array of samples.
pub struct Picture;

impl PartialSchema for Picture {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
            .description(Some("The bytes of a picture, or of an NPY array."))
            .into()
    }
}

impl ToSchema for Picture {}

/// Predictions with the model that made them.
#[derive(ToSchema)]
pub struct Predictions {
    /// Which model answered.
    model: Answering,
    /// One per row, in the order of the rows.
    predictions: Vec<Prediction>,
}

/// The model version that answered.
#[derive(ToSchema)]
struct Answering {
    /// Name.
    name: String,
    /// Version.
    #[schema(minimum = 1)]
    version: i64,
    /// SHA-256 of the weights.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    sha256: String,
}

/// A class with probabilities, or values: those of the targets, or the numbers of an embedding.
#[derive(ToSchema)]
struct Prediction {
    /// The most probable class; `null` when the outputs are not finite.
    #[schema(required = false)]
    label: Option<String>,
    /// Probability of each class.
    #[schema(required = false)]
    probabilities: BTreeMap<String, Option<f32>>,
    /// Value of each target, or of each dimension of an embedding: `embedding_0` and so on.
    #[schema(required = false)]
    values: BTreeMap<String, Option<f32>>,
    /// Which outputs are not finite, and how: `nan`, `infinity`, `-infinity`.
    #[schema(required = false)]
    nonfinite: BTreeMap<String, String>,
    /// What was noticed about the row.
    #[schema(required = false)]
    notes: Vec<RowNote>,
    /// Contributions of the columns, with `?explain=true`: one entry for the predicted class, or per target.
    #[schema(required = false)]
    explanation: Vec<Explained>,
}

/// Something about one column of a row.
#[derive(ToSchema)]
struct RowNote {
    /// The column.
    column: String,
    /// `missing_imputed` or `unknown_category`, among others.
    code: String,
}

/// Integrated gradients from the mean training row: contributions add up to `output - baseline`.
#[derive(ToSchema)]
struct Explained {
    /// The class or target.
    of: String,
    /// Its output for this row.
    output: Option<f32>,
    /// Its output for the mean training row.
    baseline: Option<f32>,
    /// Contribution of each column.
    attributions: BTreeMap<String, Option<f32>>,
}
