//! Samples that are sent to be predicted: a picture, an NPY array of one or several samples, or either as a data URL.

use std::io::Cursor;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::element::ElementType;
use super::format::Sample;
use super::header::shape;
use super::npy;
use super::picture::{Picture, is_picture};
use super::source::{Array, Source};
use crate::data::number::is_single;
use crate::data::{DataError, Limits};

/// Whether these bytes begin like something that [`read_samples`] reads.
pub fn is_sample(head: &[u8]) -> bool {
    head.starts_with(npy::MAGIC) || is_picture(head)
}

/// Calls `visit` with the numbers of every sample in `bytes`, in the order and units of the training file. A picture is
/// turned into grey or colour as the samples are, but never resized. An array is one sample or several.
///
/// # Errors
/// `unknown_format`, `wrong_shape`, `not_pixels`, or what is wrong with the picture or array.
pub fn read_samples<E: From<DataError>>(
    bytes: &[u8],
    sample: &Sample,
    visit: &mut dyn FnMut(&[f64]) -> Result<(), E>,
) -> Result<(), E> {
    let limits = Limits::default();
    if bytes.starts_with(npy::MAGIC) {
        return array(bytes, sample, &limits, visit);
    }
    if !is_picture(bytes) {
        let message = "the sample is neither PNG, JPEG, BMP nor NPY";
        return Err(DataError::new("unknown_format", message).into());
    }
    let numbers = picture(bytes, sample, &limits)?;
    visit(&numbers)
}

/// The numbers of the one sample that a `data:` URL holds.
///
/// # Errors
/// As [`read_samples`].
pub fn read_data_url(text: &str, sample: &Sample) -> Result<Vec<f64>, DataError> {
    let wrong = || {
        DataError::new(
            "unknown_format",
            "a sample in text is a data URL: data:image/png;base64,... (image/jpeg, image/bmp and application/x-npy too)",
        )
    };
    let encoded = text
        .strip_prefix("data:")
        .and_then(|rest| rest.split_once(";base64,"))
        .map(|(_, encoded)| encoded)
        .ok_or_else(wrong)?;
    let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| wrong())?;
    let mut found: Option<Vec<f64>> = None;
    read_samples(&bytes, sample, &mut |numbers| {
        if found.is_some() {
            let message = "the data URL holds several samples; one is wanted";
            return Err(DataError::new("wrong_shape", message));
        }
        found = Some(numbers.to_vec());
        Ok(())
    })?;
    found.ok_or_else(wrong)
}

fn picture(bytes: &[u8], sample: &Sample, limits: &Limits) -> Result<Vec<f64>, DataError> {
    let (&[height, width, channels @ (1 | 3)], ElementType::UInt8) =
        (&sample.shape[..], sample.element)
    else {
        let message = format!(
            "the samples of this model are {sample}, which no picture holds; send an NPY array or JSON"
        );
        return Err(DataError::new("not_pixels", message));
    };
    let found = Picture::decode(bytes, "the picture", Some(channels), limits)?;
    if (found.height, found.width) != (height, width) {
        let message = format!(
            "the picture has {} x {} pixels (width x height) and the model wants {width} x {height}; resize it before it is sent",
            found.width, found.height
        );
        return Err(DataError::new("wrong_shape", message));
    }
    Ok(found.pixels.into_iter().map(f64::from).collect())
}

fn array<E: From<DataError>>(
    bytes: &[u8],
    sample: &Sample,
    limits: &Limits,
    visit: &mut dyn FnMut(&[f64]) -> Result<(), E>,
) -> Result<(), E> {
    let name = "the array";
    let source = Source::new(Cursor::new(bytes), bytes.len() as u64, name, limits)?;
    let mut array = Array::open(name, source, limits)?;
    let dims = &array.header.dims;
    let is_one = sample.fits(dims);
    if !is_one && !sample.fits(&dims[1..]) {
        let wanted = sample.dims();
        let message = format!(
            "the array has the shape {}; one sample of {} or several, [n x {}], are wanted",
            shape(dims),
            shape(&wanted),
            shape(&wanted)
        );
        return Err(DataError::new("wrong_shape", message).into());
    }
    let element = array.header.element;
    let (mut row, mut numbers) = (Vec::new(), Vec::new());
    while array.next(&mut row)? {
        if !is_one {
            numbers.clear();
        }
        element.read(&row, &mut numbers);
        if let Some(at) = numbers.iter().position(|x| !is_single(*x)) {
            let message = format!(
                "number {at} of a sample is {:e}; only finite numbers up to 3.4e38 can be predicted from",
                numbers[at]
            );
            return Err(DataError::new("not_finite", message).into());
        }
        if !is_one {
            visit(&numbers)?;
        }
    }
    if is_one { visit(&numbers) } else { Ok(()) }
}

impl Sample {
    /// Whether numbers with these dimensions are one sample: its shape, without the channels where there is one, or all
    /// numbers in a row.
    pub fn fits(&self, dims: &[u64]) -> bool {
        let own = self.dims();
        let squeezed = own.len() > 1 && own.last() == Some(&1) && dims == &own[..own.len() - 1];
        dims == own || squeezed || dims == [self.n_numbers() as u64]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::arrays::element::Element;
    use crate::data::arrays::picture::png;

    fn sample() -> Sample {
        Sample {
            shape: vec![2, 3, 1],
            element: ElementType::UInt8,
        }
    }

    fn read(bytes: &[u8]) -> Result<Vec<Vec<f64>>, DataError> {
        let mut all = Vec::new();
        read_samples(bytes, &sample(), &mut |numbers| {
            all.push(numbers.to_vec());
            Ok::<_, DataError>(())
        })?;
        Ok(all)
    }

    fn npy(shape: &[u32], numbers: &[u8]) -> Vec<u8> {
        let element = Element {
            kind: ElementType::UInt8,
            big_endian: false,
        };
        npy::write(element, shape, numbers)
    }

    #[test]
    fn pictures_and_arrays_hold_the_same() {
        let pixels = [1, 2, 3, 4, 5, 6];
        let numbers = vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let picture = png([2, 3, 1], &pixels).unwrap();
        assert_eq!(read(&picture).unwrap(), std::slice::from_ref(&numbers));
        for shape in [
            &[2, 3, 1][..],
            &[2, 3],
            &[6],
            &[1, 2, 3],
            &[1, 2, 3, 1],
            &[1, 6],
        ] {
            assert_eq!(
                read(&npy(shape, &pixels)).unwrap(),
                std::slice::from_ref(&numbers),
                "{shape:?}"
            );
        }
        assert_eq!(read(&npy(&[2, 6], &[7; 12])).unwrap().len(), 2);
        let url = format!("data:image/png;base64,{}", BASE64_STANDARD.encode(&picture));
        assert_eq!(read_data_url(&url, &sample()).unwrap(), numbers);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let code = |bytes: &[u8]| read(bytes).unwrap_err().code;
        assert_eq!(code(&png([3, 2, 1], &[0; 6]).unwrap()), "wrong_shape");
        assert_eq!(code(&npy(&[3, 2], &[0; 6])), "wrong_shape");
        assert_eq!(code(b"hello"), "unknown_format");
        assert_eq!(code(&npy(&[2, 3], &[0; 5])), "truncated_array");
        assert!(read_data_url("data:image/png,x", &sample()).is_err());
    }
}
