//! One row of JSON for a model that looks at arrays: the sample itself, as numbers in one list or in nested lists of its
//! shape, or as a data URL; or an object or a whole row of the file that holds it.

use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

use super::cell::Cell;
use super::error::PredictError;
use super::json::stop;
use super::scoring::Scoring;

/// Lists within lists at most: height, width and channels.
const MAX_DEPTH: usize = 3;

/// Numbers on their way out of nested lists.
#[derive(Debug, Default)]
pub(super) struct Nested {
    pub numbers: Vec<f64>,
    /// Length of the lists at each depth; those of one depth must have one length.
    dims: [Option<usize>; MAX_DEPTH],
    /// Depth at which the numbers stand.
    leaf: Option<usize>,
}

impl Nested {
    fn clear(&mut self) {
        self.numbers.clear();
        self.dims = [None; MAX_DEPTH];
        self.leaf = None;
    }

    /// The dimensions, if all lists of a depth are equally long.
    fn dims(&self) -> Vec<u64> {
        self.dims.iter().flatten().map(|n| *n as u64).collect()
    }
}

/// The elements of a row that is a list: numbers and lists make the sample; texts are the cells of a whole row.
pub(super) fn read_row<'de, A: SeqAccess<'de>>(
    scoring: &mut Scoring<'_>,
    stopped: &mut Option<PredictError>,
    mut elements: A,
) -> Result<(), A::Error> {
    scoring.held().clear();
    scoring.nested().clear();
    let mut n = 0;
    while elements
        .next_element_seed(Element {
            scoring: &mut *scoring,
            stopped: &mut *stopped,
            depth: 1,
            is_row: true,
        })?
        .is_some()
    {
        n += 1;
    }
    if scoring.held().len() > 0 {
        return scoring.set_held().or_else(|fault| stop(stopped, fault));
    }
    scoring.nested().dims[0] = Some(n);
    let column = scoring.inputs().column_of(0);
    finish(scoring, stopped, column)
}

/// The elements of a list that is the value of the sample's column.
pub(super) fn read_value<'de, A: SeqAccess<'de>>(
    scoring: &mut Scoring<'_>,
    stopped: &mut Option<PredictError>,
    column: usize,
    mut elements: A,
) -> Result<(), A::Error> {
    scoring.nested().clear();
    let mut n = 0;
    while elements
        .next_element_seed(Element {
            scoring: &mut *scoring,
            stopped: &mut *stopped,
            depth: 1,
            is_row: false,
        })?
        .is_some()
    {
        n += 1;
    }
    scoring.nested().dims[0] = Some(n);
    finish(scoring, stopped, column)
}

/// Encodes the numbers, if their lists have the shape of the samples.
fn finish<E: Error>(
    scoring: &mut Scoring<'_>,
    stopped: &mut Option<PredictError>,
    column: usize,
) -> Result<(), E> {
    let nested = std::mem::take(scoring.nested());
    let dims = nested.dims();
    let fits = scoring.sample().is_some_and(|sample| sample.fits(&dims));
    let set = if fits {
        scoring.set(column, None, Cell::Numbers(&nested.numbers))
    } else {
        Err(scoring.wrong_shape(&dims, column))
    };
    *scoring.nested() = nested;
    set.or_else(|fault| stop(stopped, fault))
}

/// A number, or a list of elements.
struct Element<'a, 'm> {
    scoring: &'a mut Scoring<'m>,
    stopped: &'a mut Option<PredictError>,
    /// How many lists it stands in.
    depth: usize,
    /// Whether texts may stand here, because the list is a row.
    is_row: bool,
}

impl<'m> Element<'_, 'm> {
    /// An element of the list that this one turned out to be.
    fn inner(&mut self) -> Element<'_, 'm> {
        Element {
            scoring: &mut *self.scoring,
            stopped: &mut *self.stopped,
            depth: self.depth + 1,
            is_row: self.is_row,
        }
    }

    fn number<E: Error>(self, number: f64) -> Result<(), E> {
        if self.is_row && self.depth == 1 && self.scoring.held().len() > 0 {
            self.scoring.held().push(Cell::Number(number));
            return Ok(());
        }
        let most = self.scoring.sample().map_or(0, |sample| sample.n_numbers());
        let nested = self.scoring.nested();
        if nested.numbers.len() == most || *nested.leaf.get_or_insert(self.depth) != self.depth {
            return self.refuse();
        }
        nested.numbers.push(number);
        Ok(())
    }

    fn cell<E: Error>(self, cell: Cell<'_>) -> Result<(), E> {
        let widest = self.scoring.inputs().n_columns();
        let is_cell = self.is_row && self.depth == 1 && self.scoring.nested().numbers.is_empty();
        if !is_cell || self.scoring.held().len() == widest {
            return self.refuse();
        }
        self.scoring.held().push(cell);
        Ok(())
    }

    fn refuse<E: Error>(self) -> Result<(), E> {
        let column = self.scoring.inputs().column_of(0);
        let dims = self.scoring.nested().dims();
        let fault = self.scoring.wrong_shape(&dims, column);
        stop(self.stopped, fault)
    }
}

impl<'de> DeserializeSeed<'de> for Element<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a number or a list of numbers")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.number(number as f64)
    }
    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.number(number as f64)
    }
    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.number(number)
    }
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.cell(Cell::Missing)
    }
    fn visit_bool<E: Error>(self, truth: bool) -> Result<(), E> {
        self.cell(Cell::Boolean(truth))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.cell(Cell::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
        let in_cells = self.is_row && self.scoring.held().len() > 0;
        if self.depth == MAX_DEPTH || in_cells {
            return self.refuse();
        }
        let mut n = 0;
        while elements.next_element_seed(self.inner())?.is_some() {
            n += 1;
        }
        let depth = self.depth;
        if *self.scoring.nested().dims[depth].get_or_insert(n) == n {
            Ok(())
        } else {
            self.refuse()
        }
    }
}
