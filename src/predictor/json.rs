//! JSON rows, read straight into features: `{"rows": [{"Age": 31, "Sex": "female"}, [3, "male", null]]}`.
//!
//! Nothing is built in between. A visitor hands every value to the [`Scoring`] as soon as it is parsed, so that a row costs its
//! bytes and no allocation. A fault inside a row is left in the reader and the parser is stopped with an empty error.

use descent_engine::spec::pointer::join;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::error::{Fault, PredictError, shorten};
use super::json_row::Row;
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
pub(super) fn stop<T, E: Error>(
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
        fault.pointer = join("", &shorten(name));
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
