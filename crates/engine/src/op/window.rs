//! A window that slides over an image: which pixels each pixel of the output sees. A sequence is an image of height 1.

use std::ops::Range;

/// Sizes of an image (channels last) and of a window over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Rows of the image.
    pub height: usize,
    /// Pixels of a row.
    pub width: usize,
    /// Numbers of a pixel.
    pub channels: usize,
    /// Rows and columns of the window.
    pub size: [usize; 2],
    /// Rows and columns from one place of the window to the next.
    pub stride: [usize; 2],
    /// Pixels outside the image that the window may reach over each border, at most half its size.
    pub padding: [usize; 2],
}

/// One place of a window: the part of the image it sees, never empty.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) rows: Range<usize>,
    pub(crate) cols: Range<usize>,
}

impl Window {
    /// Rows and columns of the output, (in + 2 padding - size) / stride + 1 rounded down; `None` when the window does not fit.
    pub fn output(&self) -> Option<(usize, usize)> {
        let along = |axis: usize, len: usize| {
            let (size, padding) = (self.size[axis], self.padding[axis]);
            if size == 0 || padding > size / 2 {
                return None;
            }
            let free = len.checked_add(2 * padding)?.checked_sub(size)?;
            Some(free.checked_div(self.stride[axis])? + 1)
        };
        Some((along(0, self.height)?, along(1, self.width)?))
    }

    /// Numbers of a sample that comes in.
    pub fn n_inputs(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Numbers of a sample that goes out; 0 when the window does not fit.
    pub fn n_outputs(&self) -> usize {
        self.output()
            .map_or(0, |(rows, cols)| rows * cols * self.channels)
    }

    /// Whether its places divide the image: each pixel is seen by one.
    pub(crate) fn divides(&self) -> bool {
        let whole = |len: usize, axis: usize| len.is_multiple_of(self.stride[axis]);
        self.size == self.stride
            && self.padding == [0, 0]
            && whole(self.height, 0)
            && whole(self.width, 1)
    }

    /// Every place, in the order of the output's pixels.
    #[inline(always)]
    pub(crate) fn places(self) -> impl Iterator<Item = Place> {
        let (rows, cols) = self.output().unwrap_or((0, 0));
        let along = move |axis: usize, at: usize, len: usize| {
            let start = at * self.stride[axis];
            let end = (start + self.size[axis]).saturating_sub(self.padding[axis]);
            start.saturating_sub(self.padding[axis])..end.min(len)
        };
        (0..rows).flat_map(move |row| {
            (0..cols).map(move |col| Place {
                rows: along(0, row, self.height),
                cols: along(1, col, self.width),
            })
        })
    }

    /// Where a pixel starts in a sample.
    #[inline(always)]
    pub(crate) fn start(&self, row: usize, col: usize) -> usize {
        (row * self.width + col) * self.channels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_sees_the_image_and_no_more() {
        let window = Window {
            height: 5,
            width: 4,
            channels: 2,
            size: [3, 2],
            stride: [2, 2],
            padding: [1, 0],
        };
        assert_eq!(window.output(), Some((3, 2)));
        let places: Vec<_> = window
            .places()
            .map(|place| (place.rows, place.cols))
            .collect();
        let expected = [0..2, 1..4, 3..5].map(|rows| [(rows.clone(), 0..2), (rows, 2..4)]);
        assert_eq!(places, expected.concat());
    }

    #[test]
    fn what_does_not_fit_has_no_output() {
        let fits = Window {
            height: 4,
            width: 4,
            channels: 1,
            size: [2, 2],
            stride: [2, 2],
            padding: [0, 0],
        };
        for window in [
            Window {
                size: [5, 2],
                ..fits
            },
            Window {
                size: [0, 2],
                ..fits
            },
            Window {
                stride: [1, 0],
                ..fits
            },
            Window {
                padding: [2, 0],
                ..fits
            },
            Window {
                width: usize::MAX,
                padding: [0, 1],
                ..fits
            },
        ] {
            assert_eq!(window.output(), None, "{window:?}");
        }
    }
}
