//! The `data` of a tensor in JSON: one flat list, or lists within lists in the tensor's shape.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

use super::Datatype;
use super::elements::Elements;
use super::message::{empty, refused};
use crate::predictor::error::PredictError;

/// Reads `len` elements.
pub(super) fn read<'a>(
    name: &str,
    datatype: Datatype,
    shape: &[usize],
    len: usize,
    json: &'a str,
) -> Result<Elements<'a>, PredictError> {
    if !datatype.in_json() {
        let message = format!(
            "input {name:?}: {} travels as binary data, not as JSON",
            datatype.name()
        );
        return Err(refused("wrong_datatype", message));
    }
    // Each element takes two bytes at least, so a shape that lies takes no memory.
    let mut elements = empty(datatype, len.min(json.len() / 2));
    let mut reader = Reader {
        datatype,
        shape,
        len,
        n: 0,
        elements: &mut elements,
        leaf: None,
    };
    let mut parser = serde_json::Deserializer::from_str(json);
    let parsed = Level {
        reader: &mut reader,
        depth: 0,
    }
    .deserialize(&mut parser);
    let n = reader.n;
    match parsed {
        Ok(()) if n == len => Ok(elements),
        Ok(()) => Err(refused(
            "wrong_shape",
            format!("input {name:?}: shape {shape:?} has {len} elements, and data has {n}"),
        )),
        Err(error) => {
            let text = error.to_string();
            let text = text.rfind(" at line ").map_or(&*text, |at| &text[..at]);
            Err(refused("wrong_data", format!("input {name:?}: {text}")))
        }
    }
}

struct Reader<'r, 'a> {
    datatype: Datatype,
    shape: &'r [usize],
    len: usize,
    n: usize,
    elements: &'r mut Elements<'a>,
    /// In how many lists the elements stand.
    leaf: Option<usize>,
}

/// A value that stands in `depth` lists.
struct Level<'l, 'r, 'a> {
    reader: &'l mut Reader<'r, 'a>,
    depth: usize,
}

impl<'a> Level<'_, '_, 'a> {
    fn put<E: Error>(
        self,
        put: impl FnOnce(&mut Elements<'a>) -> bool,
        what: &str,
    ) -> Result<(), E> {
        let Level { reader, depth } = self;
        if depth == 0 {
            return Err(E::custom(format!("data is {what}, and a list is needed")));
        }
        if *reader.leaf.get_or_insert(depth) != depth || (depth != 1 && depth != reader.shape.len())
        {
            return Err(E::custom(format!(
                "data is neither one list nor lists within lists in the shape {:?}",
                reader.shape
            )));
        }
        if reader.n == reader.len {
            return Err(E::custom(format!(
                "shape {:?} has {} elements, and data has more",
                reader.shape, reader.len
            )));
        }
        reader.n += 1;
        if put(reader.elements) {
            return Ok(());
        }
        let name = reader.datatype.name();
        Err(E::custom(format!(
            "element {} is {what}, which is no {name}",
            reader.n - 1
        )))
    }

    fn number<E: Error>(self, number: f64) -> Result<(), E> {
        let datatype = self.reader.datatype;
        let put = |elements: &mut Elements<'a>| match elements {
            Elements::Numbers(numbers) if datatype.holds(number) => {
                numbers.push(number);
                true
            }
            _ => false,
        };
        self.put(put, &number.to_string())
    }

    fn text<E: Error>(self, text: Cow<'a, str>) -> Result<(), E> {
        let put = |elements: &mut Elements<'a>| match elements {
            Elements::Texts(texts) => {
                texts.push(Some(text));
                true
            }
            _ => false,
        };
        self.put(put, "a text")
    }
}

impl<'de: 'a, 'a> DeserializeSeed<'de> for Level<'_, '_, 'a> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for Level<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("lists of elements")
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
    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<(), E> {
        self.text(Cow::Borrowed(text))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.text(Cow::Owned(text.to_owned()))
    }
    fn visit_bool<E: Error>(self, truth: bool) -> Result<(), E> {
        let put = |elements: &mut Elements<'a>| match elements {
            Elements::Flags(flags) => {
                flags.push(Some(truth));
                true
            }
            _ => false,
        };
        self.put(put, "a truth value")
    }
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        let put = |elements: &mut Elements<'a>| {
            match elements {
                Elements::Numbers(numbers) => numbers.push(f64::NAN),
                Elements::Flags(flags) => flags.push(None),
                Elements::Texts(texts) => texts.push(None),
                Elements::Raw(..) | Elements::RawTexts(..) => return false,
            }
            true
        };
        self.put(put, "null")
    }
    fn visit_map<A: serde::de::MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        self.put(|_| false, "an object")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Level { reader, depth } = self;
        if depth == reader.shape.len() {
            return Err(A::Error::custom(format!(
                "data has lists within {depth} lists, and the shape {:?} has {} dimensions",
                reader.shape,
                reader.shape.len()
            )));
        }
        let mut n = 0;
        while items
            .next_element_seed(Level {
                reader: &mut *reader,
                depth: depth + 1,
            })?
            .is_some()
        {
            n += 1;
        }
        // The outermost list may be flat; every other list has the length of its dimension.
        let is_flat = depth == 0 && reader.leaf == Some(1);
        if n != reader.shape[depth] && !is_flat {
            return Err(A::Error::custom(format!(
                "a list has {n} elements where the shape {:?} has {}",
                reader.shape, reader.shape[depth]
            )));
        }
        Ok(())
    }
}
