//! One row of JSON, an object or an array, read value by value into the batch.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::cell::Cell;
use super::error::PredictError;
use super::json::stop;
use super::json_sample;
use super::scoring::Scoring;

/// One row: an object by column name, or an array in the order of the schema.
pub(super) struct Row<'a, 'm> {
    /// Where the values go.
    pub scoring: &'a mut Scoring<'m>,
    /// Where a fault waits when the parser is stopped.
    pub stopped: &'a mut Option<PredictError>,
}

impl Row<'_, '_> {
    fn refuse<E: Error>(self, what: &str) -> Result<(), E> {
        let message = format!(
            "{} is {what}; an object by column name or an array in the order of the columns is needed",
            self.scoring.where_row()
        );
        let fault = self.scoring.fault("not_a_row", message, None, None);
        stop(self.stopped, fault)
    }
}

impl<'de> DeserializeSeed<'de> for Row<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Row<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object by column name or an array in the order of the columns")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Row { scoring, stopped } = self;
        let mut expected = 0;
        while let Some(column) = map.next_key_seed(Key {
            scoring: &mut *scoring,
            stopped: &mut *stopped,
            expected,
        })? {
            expected = scoring
                .inputs()
                .input_of(column)
                .map_or(expected, |input| input + 1);
            map.next_value_seed(Value {
                scoring: &mut *scoring,
                stopped: &mut *stopped,
                column: Some(column),
            })?;
        }
        scoring.fill_absent().or_else(|fault| stop(stopped, fault))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut cells: A) -> Result<(), A::Error> {
        // Whether an array holds the inputs alone or a whole row of the training file shows at its end.
        let Row { scoring, stopped } = self;
        if scoring.sample().is_some() {
            return json_sample::read_row(scoring, stopped, cells);
        }
        scoring.held().clear();
        let widest = scoring.inputs().n_columns();
        while cells
            .next_element_seed(Value {
                scoring: &mut *scoring,
                stopped: &mut *stopped,
                column: None,
            })?
            .is_some()
        {
            let width = scoring.held().len();
            if width > widest {
                let fault = scoring.wrong_width(width);
                return stop(stopped, fault);
            }
        }
        scoring.set_held().or_else(|fault| stop(stopped, fault))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        if self.scoring.sample().is_none() {
            return self.refuse("a text");
        }
        let column = self.scoring.inputs().column_of(0);
        self.scoring
            .set(column, None, Cell::Text(text))
            .or_else(|fault| stop(self.stopped, fault))
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.refuse("a boolean")
    }
    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.refuse("a number")
    }
    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.refuse("a number")
    }
    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.refuse("a number")
    }
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.refuse("null")
    }
}

/// The name of a column in an object.
struct Key<'a, 'm> {
    scoring: &'a mut Scoring<'m>,
    stopped: &'a mut Option<PredictError>,
    expected: usize,
}

impl<'de> DeserializeSeed<'de> for Key<'_, '_> {
    type Value = usize;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_, '_> {
    type Value = usize;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a column name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<usize, E> {
        let Some(column) = self.scoring.inputs().find(name, self.expected) else {
            let fault = self.scoring.unknown_column(name);
            return stop(self.stopped, fault);
        };
        match self.scoring.claim(column) {
            Ok(()) => Ok(column),
            Err(fault) => stop(self.stopped, fault),
        }
    }
}

/// One value: of a known column, or (`None`) of an array, to be held until the array ends.
struct Value<'a, 'm> {
    scoring: &'a mut Scoring<'m>,
    stopped: &'a mut Option<PredictError>,
    column: Option<usize>,
}

impl Value<'_, '_> {
    #[inline]
    fn take<E: Error>(self, cell: Cell<'_>) -> Result<(), E> {
        let Some(column) = self.column else {
            self.scoring.held().push(cell);
            return Ok(());
        };
        match self.scoring.set(column, None, cell) {
            Ok(()) => Ok(()),
            Err(fault) => stop(self.stopped, fault),
        }
    }

    fn refuse<E: Error>(self, what: &str) -> Result<(), E> {
        let at = match self.column {
            Some(column) => format!("column {:?}", self.scoring.inputs().name(column)),
            None => format!("value {}", self.scoring.held().len()),
        };
        let message = format!(
            "{}, {at}: {what} is not a value; a number, a text, a boolean or null is needed",
            self.scoring.where_row()
        );
        let mut fault = self
            .scoring
            .fault("not_a_scalar", message, self.column, None);
        if self.column.is_none() {
            fault.pointer = format!("{}/{}", fault.pointer, self.scoring.held().len());
        }
        stop(self.stopped, fault)
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_> {
    type Value = ();
    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a number, a text, a boolean or null")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.take(Cell::Missing)
    }
    fn visit_bool<E: Error>(self, truth: bool) -> Result<(), E> {
        self.take(Cell::Boolean(truth))
    }
    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.take(Cell::Number(number as f64))
    }
    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.take(Cell::Number(number as f64))
    }
    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.take(Cell::Number(number))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.take(Cell::Text(text))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<(), A::Error> {
        if let Some(column) = self.column
            && self.scoring.sample().is_some()
            && self.scoring.inputs().input_of(column).is_some()
        {
            return json_sample::read_value(self.scoring, self.stopped, column, elements);
        }
        self.refuse("an array")
    }
    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        self.refuse("an object")
    }
}
