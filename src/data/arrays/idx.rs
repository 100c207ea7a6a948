//! The header of an IDX file, the format of MNIST: two zero bytes, a type, the number of dimensions, then each dimension as
//! four bytes; all numbers of the file are big-endian. Source: Yann LeCun's description beside the MNIST files.

use std::io::Read;

use super::element::{Element, ElementType};
use super::header::{Header, fill};
use crate::data::DataError;

/// More dimensions than rows, height, width and channels have no meaning here.
const MAX_DIMS: u8 = 4;

/// Whether these are the first bytes of an IDX file.
pub(super) fn is_idx(head: &[u8]) -> bool {
    matches!(head, [0, 0, 8 | 9 | 11..=14, 1..=8, ..])
}

/// Reads the header; the numbers come next.
pub(super) fn header(bytes: &mut dyn Read, name: &str) -> Result<Header, DataError> {
    let mut magic = [0; 4];
    fill(bytes, &mut magic, name)?;
    let kind = match magic {
        [0, 0, 0x08, _] => ElementType::UInt8,
        [0, 0, 0x09, _] => ElementType::Int8,
        [0, 0, 0x0B, _] => ElementType::Int16,
        [0, 0, 0x0C, _] => ElementType::Int32,
        [0, 0, 0x0D, _] => ElementType::Float32,
        [0, 0, 0x0E, _] => ElementType::Float64,
        _ => {
            let message = format!(
                "{name} begins with {:02x} {:02x} {:02x} {:02x}, which is no IDX file: 00 00, a type (08, 09, 0b to 0e) and the number of dimensions are needed",
                magic[0], magic[1], magic[2], magic[3]
            );
            return Err(DataError::new("wrong_magic", message).at_byte(0));
        }
    };
    let n_dims = magic[3];
    if n_dims == 0 || n_dims > MAX_DIMS {
        let message = format!("{name} has {n_dims} dimensions; 1 to {MAX_DIMS} are read");
        return Err(DataError::new("wrong_rank", message).at_byte(3));
    }
    let mut dims = Vec::with_capacity(usize::from(n_dims));
    for _ in 0..n_dims {
        let mut size = [0; 4];
        fill(bytes, &mut size, name)?;
        dims.push(u64::from(u32::from_be_bytes(size)));
    }
    Ok(Header {
        element: Element {
            kind,
            big_endian: true,
        },
        dims,
        n_bytes: 4 + 4 * u64::from(n_dims),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_mnist() {
        let head = [0, 0, 8, 3, 0, 0, 0xEA, 0x60, 0, 0, 0, 28, 0, 0, 0, 28, 99];
        assert!(is_idx(&head));
        let found = header(&mut &head[..], "images").unwrap();
        assert_eq!((found.dims, found.n_bytes), (vec![60_000, 28, 28], 16));
        assert_eq!(found.element.kind, ElementType::UInt8);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (bytes, code) in [
            (&[0, 0, 8][..], "truncated_header"),
            (&[0, 0, 10, 1, 0, 0, 0, 1], "wrong_magic"),
            (&[0, 0, 8, 5, 0, 0, 0, 1], "wrong_rank"),
            (&[0, 0, 8, 2, 0, 0, 0, 1, 0], "truncated_header"),
        ] {
            let error = header(&mut &bytes[..], "images").unwrap_err();
            assert_eq!(error.code, code, "{bytes:?}");
            assert!(error.message.starts_with("images"), "{}", error.message);
        }
    }
}
