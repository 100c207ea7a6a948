//! PNG, JPEG and BMP: pixels in, pixels out. The size in the header is checked before anything is unpacked.

use std::io::Cursor;

use image::codecs::png::PngEncoder;
use image::{
    DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageFormat, ImageReader,
};

use super::header::product;
use crate::data::{DataError, Limits};

/// Pixels of a picture: one byte per channel, rows from the top, channels last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Rows of pixels.
    pub height: u32,
    /// Pixels of a row.
    pub width: u32,
    /// 1 for grey, 3 for red, green and blue.
    pub channels: u32,
    /// `height x width x channels` bytes.
    pub pixels: Vec<u8>,
}

/// Whether these are the first bytes of a picture that is read.
pub(super) fn is_picture(head: &[u8]) -> bool {
    format_of(head).is_some()
}

fn format_of(head: &[u8]) -> Option<ImageFormat> {
    image::guess_format(head).ok().filter(|format| {
        matches!(
            format,
            ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::Bmp
        )
    })
}

impl Picture {
    /// Unpacks a picture. Depths above 8 bits are rounded to 8 and transparency is dropped. `channels` says whether grey or
    /// colour is wanted; without it the picture keeps what it has.
    ///
    /// # Errors
    /// `not_a_picture`, `picture_too_large`, `damaged_picture`.
    pub fn decode(
        bytes: &[u8],
        name: &str,
        channels: Option<u32>,
        limits: &Limits,
    ) -> Result<Self, DataError> {
        let format = format_of(bytes).ok_or_else(|| {
            let message = format!("{name} is neither PNG nor JPEG nor BMP");
            DataError::new("not_a_picture", message)
        })?;
        let damaged = |error: image::ImageError| {
            let message = format!("{name} cannot be unpacked: {error}");
            DataError::new("damaged_picture", message)
        };
        let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
        let mut bounds = image::Limits::default();
        bounds.max_alloc = Some(limits.max_sample_numbers.saturating_mul(16));
        reader.limits(bounds);
        let decoder = reader.into_decoder().map_err(damaged)?;
        let (width, height) = decoder.dimensions();
        let is_colour = decoder.color_type().has_color();
        let channels = channels.unwrap_or(if is_colour { 3 } else { 1 });
        let n = product(&[u64::from(width), u64::from(height), u64::from(channels)]);
        if n.is_none_or(|n| n > limits.max_sample_numbers) {
            let message = format!(
                "{name} declares {width} x {height} pixels; a picture may have at most {} numbers",
                limits.max_sample_numbers
            );
            return Err(DataError::new("picture_too_large", message));
        }
        let picture = DynamicImage::from_decoder(decoder).map_err(damaged)?;
        let pixels = if channels == 1 {
            picture.into_luma8().into_raw()
        } else {
            picture.into_rgb8().into_raw()
        };
        Ok(Self {
            height,
            width,
            channels,
            pixels,
        })
    }
}

/// Packs pixels as PNG; `None` for numbers of channels that PNG does not know.
pub(super) fn png(shape: [u32; 3], pixels: &[u8]) -> Option<Vec<u8>> {
    let [height, width, channels] = shape;
    let colour = match channels {
        1 => ExtendedColorType::L8,
        3 => ExtendedColorType::Rgb8,
        _ => return None,
    };
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes)
        .write_image(pixels, width, height, colour)
        .ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_come_back() {
        let pixels: Vec<u8> = (0..24).collect();
        let bytes = png([2, 4, 3], &pixels).unwrap();
        let limits = Limits::default();
        let picture = Picture::decode(&bytes, "x.png", None, &limits).unwrap();
        assert_eq!((picture.height, picture.width, picture.channels), (2, 4, 3));
        assert_eq!(picture.pixels, pixels);
        let grey = Picture::decode(&bytes, "x.png", Some(1), &limits).unwrap();
        assert_eq!(grey.pixels.len(), 8);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let small = Limits {
            max_sample_numbers: 20,
            ..Limits::default()
        };
        let bytes = png([5, 5, 1], &[7; 25]).unwrap();
        let code = |bytes: &[u8], limits: &Limits| {
            Picture::decode(bytes, "x.png", None, limits)
                .unwrap_err()
                .code
        };
        assert_eq!(code(&bytes, &small), "picture_too_large");
        assert_eq!(
            code(&bytes[..bytes.len() - 20], &Limits::default()),
            "damaged_picture"
        );
        assert_eq!(code(b"GIF89a", &Limits::default()), "not_a_picture");
    }
}
