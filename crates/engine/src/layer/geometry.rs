//! Images and sequences seen alike, and the windows that pooling layers slide over them.

use super::window::Extent;
use crate::op::Window;
use crate::sample::SampleShape;

/// Sizes down and right. A sequence is an image of one row, along which everything has size `usual`; of two sizes it reads
/// the second.
pub(super) fn along(extent: Extent, input: SampleShape, usual: usize) -> [usize; 2] {
    match (input, extent.axes()) {
        (SampleShape::Sequence { .. }, [_, cols]) => [usual, cols],
        (_, axes) => axes,
    }
}

/// A fault for a size that must not be 0.
pub(super) fn fault(extent: Extent, field: &'static str) -> Option<(&'static str, String)> {
    let reason = || format!("{field} lies from 1 to 65536 along each axis");
    (!extent.at_least(1)).then(|| (field, reason()))
}

/// Rows, columns and channels of an image, or of a sequence as an image of height 1.
pub(super) fn image_of(input: SampleShape) -> Option<[usize; 3]> {
    match input {
        SampleShape::Vector { .. } => None,
        SampleShape::Sequence { steps, features } => Some([1, steps, features]),
        SampleShape::Image {
            height,
            width,
            channels,
        } => Some([height, width, channels]),
    }
}

/// The shape of `input` with other rows and columns.
pub(super) fn resized(input: SampleShape, rows: usize, cols: usize) -> SampleShape {
    match input {
        SampleShape::Image { channels, .. } => SampleShape::Image {
            height: rows,
            width: cols,
            channels,
        },
        SampleShape::Vector { features } | SampleShape::Sequence { features, .. } => {
            SampleShape::Sequence {
                steps: cols,
                features,
            }
        }
    }
}

/// The window of a pooling layer and the shape it leaves, or what the layer wants instead.
pub(super) fn pooling(
    input: SampleShape,
    size: Extent,
    stride: Option<Extent>,
    padding: Extent,
) -> Result<(Window, SampleShape), String> {
    let [height, width, channels] = image_of(input).ok_or("takes an image or a sequence")?;
    let window = Window {
        height,
        width,
        channels,
        size: along(size, input, 1),
        stride: along(stride.unwrap_or(size), input, 1),
        padding: along(padding, input, 0),
    };
    let (rows, cols) = window.output().ok_or_else(|| {
        let [down, across] = window.size;
        match input {
            SampleShape::Image { .. } => format!(
                "takes an image of at least {down} x {across} pixels, padding included, and pads by at most half of that"
            ),
            _ => format!(
                "takes a sequence of at least {across} steps, padding included, and pads by at most half of that"
            ),
        }
    })?;
    Ok((window, resized(input, rows, cols)))
}

/// The window that sees the whole of `input`.
pub(super) fn whole(input: SampleShape) -> Option<Window> {
    let [height, width, channels] = image_of(input)?;
    Some(Window {
        height,
        width,
        channels,
        size: [height, width],
        stride: [1, 1],
        padding: [0, 0],
    })
}
