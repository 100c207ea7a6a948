//! The header of an NPY file: a magic, a version, and a Python dictionary with type, order and shape.
//! Source: NumPy Enhancement Proposal 1, "A simple file format for NumPy arrays". Types that hold Python objects are
//! refused: reading them would run code.

use std::io::Read;

use super::element::{Element, ElementType};
use super::header::{Header, fill};
use crate::data::DataError;

/// What every NPY file begins with.
pub(super) const MAGIC: &[u8] = b"\x93NUMPY";
/// A header of plain arrays has about 100 bytes.
const MAX_HEADER_BYTES: usize = 64 << 10;
const MAX_DIMS: usize = 4;

/// Reads the header; the numbers come next.
pub(super) fn header(bytes: &mut dyn Read, name: &str) -> Result<Header, DataError> {
    let mut start = [0; 8];
    fill(bytes, &mut start, name)?;
    if &start[..6] != MAGIC {
        let message = format!("{name} does not begin with \\x93NUMPY, so it is no NPY file");
        return Err(DataError::new("wrong_magic", message).at_byte(0));
    }
    let (length, prefix) = match start[6] {
        1 => {
            let mut length = [0; 2];
            fill(bytes, &mut length, name)?;
            (usize::from(u16::from_le_bytes(length)), 10)
        }
        2 | 3 => {
            let mut length = [0; 4];
            fill(bytes, &mut length, name)?;
            (u32::from_le_bytes(length) as usize, 12)
        }
        version => {
            let message = format!("{name} has NPY version {version}; versions 1, 2 and 3 are read");
            return Err(DataError::new("wrong_version", message).at_byte(6));
        }
    };
    if length > MAX_HEADER_BYTES {
        let message = format!(
            "{name} declares a header of {length} bytes; at most {MAX_HEADER_BYTES} are read"
        );
        return Err(DataError::new("invalid_header", message).at_byte(8));
    }
    let mut text = vec![0; length];
    fill(bytes, &mut text, name)?;
    let said = dictionary(&text).ok_or_else(|| {
        let message = format!(
            "the header of {name} is not {{'descr': ..., 'fortran_order': ..., 'shape': ...}}: {}",
            String::from_utf8_lossy(&text[..length.min(120)]).trim_end()
        );
        DataError::new("invalid_header", message).at_byte(prefix)
    })?;
    if said.fortran_order {
        let message = format!(
            "{name} is in Fortran order (columns first); save it again with numpy.ascontiguousarray"
        );
        return Err(DataError::new("fortran_order", message));
    }
    if said.shape.is_empty() || said.shape.len() > MAX_DIMS {
        let n = said.shape.len();
        let message = format!("{name} has {n} dimensions; 1 to {MAX_DIMS} are read");
        return Err(DataError::new("wrong_rank", message));
    }
    Ok(Header {
        element: element(&said.descr, name)?,
        dims: said.shape,
        n_bytes: prefix + length as u64,
    })
}

fn element(descr: &str, name: &str) -> Result<Element, DataError> {
    let (order, kind) = descr.split_at_checked(1).unwrap_or(("", ""));
    let kind = match kind {
        "b1" | "?" => ElementType::Bool,
        "u1" => ElementType::UInt8,
        "i1" => ElementType::Int8,
        "u2" => ElementType::UInt16,
        "i2" => ElementType::Int16,
        "u4" => ElementType::UInt32,
        "i4" => ElementType::Int32,
        "u8" => ElementType::UInt64,
        "i8" => ElementType::Int64,
        "f2" => ElementType::Float16,
        "f4" => ElementType::Float32,
        "f8" => ElementType::Float64,
        _ => {
            let message = format!(
                "{name} holds numbers of type {descr:?}; booleans, whole numbers of 8 to 64 bits and floats of 16 to 64 bits are read"
            );
            return Err(DataError::new("unsupported_type", message));
        }
    };
    let big_endian = match order {
        ">" => true,
        "<" | "|" | "=" => false,
        _ => {
            let message = format!("{name} has the unknown byte order {order:?}");
            return Err(DataError::new("unsupported_type", message));
        }
    };
    Ok(Element { kind, big_endian })
}

/// An NPY file of version 1 with these numbers.
pub(super) fn write(element: Element, shape: &[u32], numbers: &[u8]) -> Vec<u8> {
    let order = match (element.kind.n_bytes(), element.big_endian) {
        (1, _) => '|',
        (_, true) => '>',
        (_, false) => '<',
    };
    let kind = match element.kind {
        ElementType::Bool => 'b',
        ElementType::UInt8 | ElementType::UInt16 | ElementType::UInt32 | ElementType::UInt64 => 'u',
        ElementType::Int8 | ElementType::Int16 | ElementType::Int32 | ElementType::Int64 => 'i',
        ElementType::Float16 | ElementType::Float32 | ElementType::Float64 => 'f',
    };
    let sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let mut text = format!(
        "{{'descr': '{order}{kind}{}', 'fortran_order': False, 'shape': ({}), }}",
        element.kind.n_bytes(),
        sizes.trim_end()
    );
    // The numbers begin at a multiple of 64 bytes.
    let padding = (64 - (10 + text.len() + 1) % 64) % 64;
    text.extend(std::iter::repeat_n(' ', padding));
    text.push('\n');
    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, 0]);
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(numbers);
    bytes
}

/// The three entries of the dictionary.
struct Said {
    descr: String,
    fortran_order: bool,
    shape: Vec<u64>,
}

/// Reads the Python literal; `None` when it is anything else than the three known entries with plain values.
fn dictionary(text: &[u8]) -> Option<Said> {
    let text = std::str::from_utf8(text).ok()?.trim_end();
    let mut rest = text
        .trim_start()
        .strip_prefix('{')?
        .strip_suffix('}')?
        .trim();
    let (mut descr, mut fortran_order, mut shape) = (None, None, None);
    while !rest.is_empty() {
        let (key, after) = quoted(rest)?;
        let value = after.trim_start().strip_prefix(':')?.trim_start();
        rest = match key {
            "descr" if descr.is_none() => {
                let (word, after) = quoted(value)?;
                descr = Some(word.to_owned());
                after
            }
            "fortran_order" if fortran_order.is_none() => {
                let truth = value.starts_with("True");
                fortran_order = Some(truth);
                value.strip_prefix(if truth { "True" } else { "False" })?
            }
            "shape" if shape.is_none() => {
                let (inner, after) = value.strip_prefix('(')?.split_once(')')?;
                let sizes = inner
                    .split(',')
                    .map(str::trim)
                    .filter(|size| !size.is_empty());
                shape = Some(
                    sizes
                        .map(|size| size.parse().ok())
                        .collect::<Option<Vec<u64>>>()?,
                );
                after
            }
            _ => return None,
        }
        .trim_start();
        rest = match rest.strip_prefix(',') {
            Some(after) => after.trim_start(),
            None if rest.is_empty() => rest,
            None => return None,
        };
    }
    Some(Said {
        descr: descr?,
        fortran_order: fortran_order?,
        shape: shape?,
    })
}

/// A quoted word at the start of `text`, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    text[1..].split_once(quote)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The header that NumPy writes.
    pub(in crate::data::arrays) fn head(literal: &str) -> Vec<u8> {
        let mut text = literal.to_owned();
        while !(10 + text.len() + 1).is_multiple_of(64) {
            text.push(' ');
        }
        text.push('\n');
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes
    }

    fn code(literal: &str) -> &'static str {
        header(&mut &head(literal)[..], "x.npy").unwrap_err().code
    }

    #[test]
    fn headers_as_numpy_writes_them() {
        let bytes = head("{'descr': '|u1', 'fortran_order': False, 'shape': (3, 28, 28), }");
        let found = header(&mut &bytes[..], "x.npy").unwrap();
        assert_eq!(found.dims, [3, 28, 28]);
        assert_eq!(found.n_bytes, bytes.len() as u64);
        let bytes = head("{'descr': '>f4', 'fortran_order': False, 'shape': (7,), }");
        let found = header(&mut &bytes[..], "x.npy").unwrap();
        assert!(found.element.big_endian && found.element.kind == ElementType::Float32);
        assert_eq!(found.dims, [7]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(
            code("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }"),
            "fortran_order"
        );
        assert_eq!(
            code("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }"),
            "unsupported_type"
        );
        assert_eq!(
            code("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }"),
            "invalid_header"
        );
        assert_eq!(
            code("{'descr': '<f4', 'fortran_order': False, 'shape': (), }"),
            "wrong_rank"
        );
        assert_eq!(
            code("{'descr': '<f4', 'shape': (99999999999999999999,), }"),
            "invalid_header"
        );
        assert_eq!(code("{'descr': '<f4'"), "invalid_header");
        assert_eq!(
            header(&mut &b"\x93NUMPY\x07\x00"[..], "x")
                .unwrap_err()
                .code,
            "wrong_version"
        );
    }
}
