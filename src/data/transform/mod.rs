//! How raw values become features, learned from the training rows and kept with the model.
//!
//! The same function encodes a column of the training file and a value of a prediction request, on the same doubles, so
//! features are bit-identical on both roads. Constants are kept as `f32`, whose decimal form survives JSON exactly.

mod encoding;
mod fit;
mod row;
mod samples;
mod target;

use descent_engine::dataset::{CategoryFeature, Dataset, Targets};
use descent_engine::sample::SampleShape;
use ndarray::{Array2, ArrayViewMut1, Axis};
use serde::{Deserialize, Serialize};

use super::{DataError, Frame, Sample, Schema, Values};

pub use encoding::{DAY, Encoding, YEAR};
pub use fit::{Prepared, prepare};
pub use row::{RawCell, RowNote, RowNoteCode};
pub(super) use target::sort_classes;
pub use target::{MAX_CLASSES, TargetEncoding};

/// The document that turns rows of the training file's form into features, and outputs into labels or values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transform {
    /// The columns of the training file, in its order: the order of rows that are given as arrays.
    pub schema: Schema,
    /// The columns that are looked at, in file order, and how.
    pub inputs: Vec<Input>,
    /// What is predicted.
    pub target: TargetEncoding,
}

/// One column that is looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Position in the schema, counted from 0.
    pub column: usize,
    /// Its name.
    pub name: String,
    /// How its values become features.
    pub encoding: Encoding,
    /// Position of its first feature.
    pub first_feature: usize,
}

impl Input {
    /// The positions of its features.
    pub fn features(&self) -> std::ops::Range<usize> {
        self.first_feature..self.first_feature + self.encoding.width()
    }
}

impl Transform {
    /// How many features a row becomes.
    pub fn n_features(&self) -> usize {
        self.inputs.last().map_or(0, |input| input.features().end)
    }

    /// What the features of a row are to a network: a sample keeps its shape, columns of a table have no order.
    pub fn sample_shape(&self) -> SampleShape {
        match self.sample() {
            Some(sample) => sample.engine_shape(),
            None => self.n_features().into(),
        }
    }

    /// What a row is where it is one sample of an array, which is learned from alone.
    pub fn sample(&self) -> Option<Sample> {
        match &self.inputs[..] {
            [only] => only.encoding.sample(),
            _ => None,
        }
    }

    /// A name per feature, e.g. `Age`, `Age is missing`, `Sex=female`.
    pub fn feature_names(&self) -> Vec<String> {
        self.inputs
            .iter()
            .flat_map(|input| input.encoding.feature_names(&input.name))
            .collect()
    }

    /// The features that are indices of categories.
    fn categories(&self) -> Vec<CategoryFeature> {
        let of_input = |input: &Input| {
            let vocabulary = input.encoding.vocabulary()?;
            let feature = input.first_feature;
            Some(CategoryFeature {
                feature,
                vocabulary,
            })
        };
        self.inputs.iter().filter_map(of_input).collect()
    }

    /// The features and targets of every row of `frame`. Rows without a target get a placeholder; they belong to no part.
    ///
    /// # Errors
    /// `changed_file` when `frame` lacks a column.
    pub fn apply(&self, frame: &Frame) -> Result<Dataset, DataError> {
        let mut features = Array2::<f32>::zeros((frame.n_rows, self.n_features()));
        for input in &self.inputs {
            let values = frame
                .column(input.column)
                .ok_or_else(|| lacking(&input.name))?;
            encode_column(input, values, &mut features)?;
        }
        let feature_columns = self
            .inputs
            .iter()
            .flat_map(|i| std::iter::repeat_n(i.column as u32, i.encoding.width()));
        Ok(Dataset {
            sample_shape: self.sample_shape(),
            categories: self.categories(),
            features,
            feature_names: self.feature_names(),
            feature_columns: feature_columns.collect(),
            column_names: self
                .schema
                .columns
                .iter()
                .map(|column| column.name.clone())
                .collect(),
            targets: self.targets(frame)?,
        })
    }

    fn targets(&self, frame: &Frame) -> Result<Targets, DataError> {
        self.target.encode(frame)
    }
}

fn lacking(name: &str) -> DataError {
    DataError::new(
        "changed_file",
        format!("the decoded table lacks column {name:?}"),
    )
}

/// Encodes a whole column; names are looked up once per different name, not once per row.
fn encode_column(
    input: &Input,
    values: &Values,
    features: &mut Array2<f32>,
) -> Result<(), DataError> {
    let rows = features.axis_iter_mut(Axis(0));
    let slot = |row: ArrayViewMut1<'_, f32>, write: &dyn Fn(&mut [f32])| {
        if let Some(all) = row.into_slice() {
            write(&mut all[input.features()]);
        }
    };
    match (&input.encoding, values) {
        (Encoding::Categories { .. } | Encoding::Index { .. }, Values::Names { codes, names }) => {
            let places: Vec<_> = names
                .iter()
                .map(|name| input.encoding.place_of(name))
                .collect();
            for (row, code) in rows.zip(codes) {
                let place = places.get(*code as usize).copied();
                slot(row, &|out| input.encoding.write_category(place, out));
            }
            Ok(())
        }
        (encoding @ Encoding::Array { .. }, Values::Samples(samples)) => {
            // Arrays are learned from alone, so a row of features is a sample.
            let out = features
                .as_slice_mut()
                .ok_or_else(|| lacking(&input.name))?;
            encoding.write_samples(&samples.numbers, out);
            Ok(())
        }
        (Encoding::Array { .. } | Encoding::Categories { .. } | Encoding::Index { .. }, _)
        | (_, Values::Names { .. } | Values::Samples(_)) => Err(lacking(&input.name)),
        (_, Values::Numbers(numbers)) => {
            for (row, number) in rows.zip(numbers) {
                slot(row, &|out| input.encoding.write_number(*number, out));
            }
            Ok(())
        }
    }
}
