//! JSON rows, read straight into features: `{"rows": [{"Age": 31, "Sex": "female"}, [3, "male", null]]}`.
//!
//! Nothing is built in between. A visitor hands every value to the [`Scoring`] as soon as it is parsed, so that a row costs its
//! bytes and no allocation. A fault inside a row is left in the reader and the parser is stopped with an empty error.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::cell::Cell;
use super::error::{Fault, PredictError, pointer_segment, shorten};
use super::scoring::Scoring;

/// Reads a whole body `{"rows": [...]}`.
///
/// # Errors
/// The first thing that is wrong; no row is answered then.
pub(super) fn read_body(scoring: &mut Scoring<'_>, body: &[u8]) -> Result<(), PredictError> {
    let mut parser = serde_json::Deserializer::from_slice(body);
    let mut stopped = None;
    let parsed = Body {
        scoring,
        stopped: &mut stopped,
    }
    .deserialize(&mut parser)
    .and_then(|()| parser.end());
    match (stopped, parsed) {
        (Some(error), _) => Err(error),
        (None, Err(error)) => Err(malformed(&error)),
        (None, Ok(())) => Ok(()),
    }
}

/// Reads one row, an object or an array, that is all of `text`.
///
/// # Errors
/// What is wrong with the row. Nothing of it is kept.
pub(super) fn read_row(scoring: &mut Scoring<'_>, text: &[u8]) -> Result<(), PredictError> {
    let mut parser = serde_json::Deserializer::from_slice(text);
    let mut stopped = None;
    scoring.begin_row();
    let parsed = Row {
        scoring,
        stopped: &mut stopped,
    }
    .deserialize(&mut parser)
    .and_then(|()| parser.end());
    match (stopped, parsed) {
        (None, Ok(())) => scoring.end_row(),
        (Some(error), _) => {
            scoring.abandon_row();
            Err(error)
        }
        (None, Err(error)) => {
            scoring.abandon_row();
            let message = format!(
                "{} is not a JSON object or array: {error}",
                scoring.where_row()
            );
            Err(scoring.fault("malformed_row", message, None, None).into())
        }
    }
}

fn malformed(error: &serde_json::Error) -> PredictError {
    PredictError::Malformed {
        message: format!("the body is not the JSON document {{\"rows\": [...]}}: {error}"),
        line: error.line() as u64,
        column: error.column() as u64,
    }
}

/// Stops the parser; what went wrong waits in `stopped`.
fn stop<T, E: Error>(
    stopped: &mut Option<PredictError>,
    error: impl Into<PredictError>,
) -> Result<T, E> {
    *stopped = Some(error.into());
    Err(E::custom(""))
}

struct Body<'a, 'm> {
    scoring: &'a mut Scoring<'m>,
    stopped: &'a mut Option<PredictError>,
}

impl<'de> DeserializeSeed<'de> for Body<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Body<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object with the field \"rows\"")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut found = false;
        while map
            .next_key_seed(FieldName {
                stopped: &mut *self.stopped,
            })?
            .is_some()
        {
            if found {
                let mut fault = Fault::new("duplicate_field", "\"rows\" stands twice in the body");
                fault.pointer = "/rows".into();
                return stop(self.stopped, fault);
            }
            found = true;
            map.next_value_seed(Rows {
                scoring: &mut *self.scoring,
                stopped: &mut *self.stopped,
            })?;
        }
        if found {
            return Ok(());
        }
        let fault = Fault::new(
            "missing_field",
            "the body has no \"rows\": send {\"rows\": [{...}, ...]}",
        );
        stop(self.stopped, fault)
    }
}

/// The name of a field of the body; `rows` is the only one there is.
struct FieldName<'a> {
    stopped: &'a mut Option<PredictError>,
}

impl<'de> DeserializeSeed<'de> for FieldName<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldName<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<(), E> {
        if name == "rows" {
            return Ok(());
        }
        let message = format!("the body has no field {:?}, only \"rows\"", shorten(name));
        let mut fault = Fault::new("unknown_field", message);
        fault.pointer = format!("/{}", pointer_segment(&shorten(name)));
        fault.got = Some(shorten(name));
        fault.nearest = Some("rows".into());
        stop(self.stopped, fault)
    }
}

struct Rows<'a, 'm> {
    scoring: &'a mut Scoring<'m>,
    stopped: &'a mut Option<PredictError>,
}

impl<'de> DeserializeSeed<'de> for Rows<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        loop {
            self.scoring.begin_row();
            let row = Row {
                scoring: &mut *self.scoring,
                stopped: &mut *self.stopped,
            };
            if rows.next_element_seed(row)?.is_none() {
                self.scoring.abandon_row();
                return Ok(());
            }
            if let Err(error) = self.scoring.end_row() {
                return stop(self.stopped, error);
            }
        }
    }
}

/// One row: an object by column name, or an array in the order of the schema.
struct Row<'a, 'm> {
    scoring: &'a mut Scoring<'m>,
    stopped: &'a mut Option<PredictError>,
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

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.refuse("a text")
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
    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        self.refuse("an array")
    }
    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        self.refuse("an object")
    }
}
