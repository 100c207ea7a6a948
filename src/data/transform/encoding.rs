//! How the values of one column become features.

use serde::{Deserialize, Serialize};

use crate::data::{ElementType, Numbers, Reading, Sample};

/// Seconds of a day.
pub const DAY: f64 = 86_400.0;
/// Seconds of a mean Gregorian year.
pub const YEAR: f64 = 365.2425 * DAY;

/// The fitted encoding of a column. With `indicator` the last feature is 1 where the value is missing, else 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Encoding {
    /// One feature: (x - shift) / scale.
    Number {
        /// Stands in for a missing value.
        impute: f32,
        /// Subtracted.
        shift: f32,
        /// Divided by; never 0.
        scale: f32,
        /// Whether missing values have a feature.
        indicator: bool,
    },
    /// One feature: 0 or 1.
    Boolean {
        /// Stands in for a missing value.
        impute: f32,
        /// Whether missing values have a feature.
        indicator: bool,
    },
    /// Elapsed time (t - shift) / scale, the place in the year as sine and cosine, and where the training rows know the
    /// time of day, that too.
    Timestamp {
        /// Stands in for a missing value, in seconds since 1970.
        impute: f32,
        /// Subtracted, in seconds since 1970.
        shift: f32,
        /// Divided by, in seconds; never 0.
        scale: f32,
        /// Whether the place in the day has features.
        time_of_day: bool,
        /// Whether missing values have a feature.
        indicator: bool,
    },
    /// One feature per category, 1 for the row's own and 0 for the others.
    ///
    /// Rare categories of training share the last one, and so does every category never seen in training. When training
    /// had no rare ones, that feature would carry a weight that nothing ever trained, so there is none, and an unknown
    /// category is 0 everywhere.
    Categories {
        /// The categories with a feature of their own, in alphabetical order.
        names: Vec<String>,
        /// Whether rare and unknown categories share a feature.
        other: bool,
        /// Stands in for a missing value: an index into `names`, or `names.len()` for the shared one.
        impute: usize,
        /// Whether missing values have a feature.
        indicator: bool,
    },
    /// One feature: the index of the category, from 1 in alphabetical order. Rare categories of training have index 0, and so
    /// does every category never seen in training.
    Index {
        /// The categories with an index of their own, in alphabetical order.
        names: Vec<String>,
        /// Index that stands in for a missing value.
        impute: usize,
        /// Whether missing values have a feature.
        indicator: bool,
    },
    /// One feature per number of the sample, channels last: (x / divisor - shift) / scale, shift and scale by channel.
    Array {
        /// `[features]`, `[steps, features]` or `[height, width, channels]`.
        shape: Vec<u32>,
        /// Type of the numbers in the training file.
        element: ElementType,
        /// 255 for pixels that become 0 to 1, else 1.
        divisor: f32,
        /// Subtracted, one per channel.
        shift: Vec<f32>,
        /// Divided by, one per channel; never 0.
        scale: Vec<f32>,
    },
}

impl Encoding {
    /// How many features it gives.
    pub fn width(&self) -> usize {
        let (width, indicator) = match self {
            Self::Number { indicator, .. }
            | Self::Boolean { indicator, .. }
            | Self::Index { indicator, .. } => (1, *indicator),
            Self::Timestamp {
                time_of_day,
                indicator,
                ..
            } => (if *time_of_day { 5 } else { 3 }, *indicator),
            Self::Categories {
                names,
                other,
                indicator,
                ..
            } => (names.len() + usize::from(*other), *indicator),
            Self::Array { shape, .. } => (shape.iter().map(|size| *size as usize).product(), false),
        };
        width + usize::from(indicator)
    }

    /// Whether missing values have a feature, the last one.
    pub fn has_indicator(&self) -> bool {
        match self {
            Self::Number { indicator, .. }
            | Self::Boolean { indicator, .. }
            | Self::Timestamp { indicator, .. }
            | Self::Categories { indicator, .. }
            | Self::Index { indicator, .. } => *indicator,
            Self::Array { .. } => false,
        }
    }

    /// How the cells of the column are read.
    pub fn reading(&self) -> Reading {
        match self {
            Self::Number { .. } => Reading::Number,
            Self::Boolean { .. } => Reading::Boolean,
            Self::Timestamp { .. } => Reading::Timestamp,
            Self::Categories { .. } | Self::Index { .. } => Reading::Name,
            Self::Array { .. } => Reading::Array,
        }
    }

    /// A name per feature.
    pub(super) fn feature_names(&self, column: &str) -> Vec<String> {
        let mut all = match self {
            Self::Number { .. } | Self::Boolean { .. } | Self::Index { .. } => {
                vec![column.to_owned()]
            }
            Self::Timestamp { time_of_day, .. } => {
                let parts = [
                    "elapsed",
                    "sine of the year",
                    "cosine of the year",
                    "sine of the day",
                    "cosine of the day",
                ];
                let shown = if *time_of_day {
                    &parts[..]
                } else {
                    &parts[..3]
                };
                shown
                    .iter()
                    .map(|part| format!("{column} {part}"))
                    .collect()
            }
            Self::Categories { names, other, .. } => {
                let mut all: Vec<_> = names
                    .iter()
                    .map(|name| format!("{column}={name}"))
                    .collect();
                if *other {
                    all.push(format!("{column}=(other)"));
                }
                all
            }
            Self::Array { .. } => (0..self.width())
                .map(|number| format!("{column}[{number}]"))
                .collect(),
        };
        if all.len() < self.width() {
            all.push(format!("{column} is missing"));
        }
        all
    }

    /// Writes the features of a number; NaN is missing. For categories this does nothing.
    #[inline]
    pub(super) fn write_number(&self, value: f64, out: &mut [f32]) {
        let missing = value.is_nan();
        let or = |impute: f32| if missing { f64::from(impute) } else { value };
        let indicator = match self {
            Self::Number {
                impute,
                shift,
                scale,
                indicator,
            } => {
                out[0] = scaled(or(*impute), *shift, *scale);
                *indicator
            }
            Self::Boolean { impute, indicator } => {
                out[0] = or(*impute) as f32;
                *indicator
            }
            Self::Timestamp {
                impute,
                shift,
                scale,
                time_of_day,
                indicator,
            } => {
                let time = or(*impute);
                out[0] = scaled(time, *shift, *scale);
                (out[1], out[2]) = cycle(time, YEAR);
                if *time_of_day {
                    (out[3], out[4]) = cycle(time, DAY);
                }
                *indicator
            }
            Self::Categories { .. } | Self::Index { .. } | Self::Array { .. } => return,
        };
        if indicator && let Some(last) = out.last_mut() {
            *last = f32::from(u8::from(missing));
        }
    }

    /// The samples of an array.
    pub fn sample(&self) -> Option<Sample> {
        match self {
            Self::Array { shape, element, .. } => Some(Sample {
                shape: shape.clone(),
                element: *element,
            }),
            _ => None,
        }
    }

    /// Writes the features of a sample from its numbers, in the units of the training file. Each is rounded to a single first, as which the
    /// numbers of the training file are held: so both have the same bits.
    pub(super) fn write_sample(&self, numbers: &[f64], out: &mut [f32]) {
        let Self::Array {
            divisor,
            shift,
            scale,
            ..
        } = self
        else {
            return;
        };
        let n_channels = shift.len().max(1);
        let pixels = numbers.chunks(n_channels).zip(out.chunks_mut(n_channels));
        for (pixel, out) in pixels {
            for (channel, (out, x)) in out.iter_mut().zip(pixel).enumerate() {
                let x = f64::from(*x as f32);
                *out = scaled(x / f64::from(*divisor), shift[channel], scale[channel]);
            }
        }
    }

    /// Writes the features of all samples, `[rows x numbers of a sample]` both. A byte has 256 values, so each is worked
    /// out once per channel; the bits are those of [`Encoding::write_sample`].
    pub(super) fn write_samples(&self, numbers: &Numbers, out: &mut [f32]) {
        let Self::Array { shift, .. } = self else {
            return;
        };
        let n_channels = shift.len().max(1);
        match numbers {
            Numbers::Floats(floats) => {
                let mut row = Vec::with_capacity(n_channels);
                for (out, floats) in out.chunks_mut(n_channels).zip(floats.chunks(n_channels)) {
                    row.clear();
                    row.extend(floats.iter().map(|x| f64::from(*x)));
                    self.write_sample(&row, out);
                }
            }
            Numbers::Bytes(bytes) => {
                let mut table = vec![0.0; 256 * n_channels];
                for (byte, features) in (0_u8..=255).zip(table.chunks_mut(n_channels)) {
                    self.write_sample(&vec![f64::from(byte); n_channels], features);
                }
                let pixels = out.chunks_mut(n_channels).zip(bytes.chunks(n_channels));
                for (out, bytes) in pixels {
                    for (channel, (out, byte)) in out.iter_mut().zip(bytes).enumerate() {
                        *out = table[usize::from(*byte) * n_channels + channel];
                    }
                }
            }
        }
    }

    /// The categories that are told apart, in alphabetical order; none for a column of anything else.
    pub fn names(&self) -> &[String] {
        match self {
            Self::Categories { names, .. } | Self::Index { names, .. } => names,
            _ => &[],
        }
    }

    /// How many indices there are, that of the unknown among them; `None` unless the feature is an index.
    pub(super) fn vocabulary(&self) -> Option<usize> {
        matches!(self, Self::Index { .. }).then(|| self.names().len() + 1)
    }

    /// Position in `names`, if the name is there.
    #[inline]
    fn position_of(&self, name: &str) -> Option<usize> {
        self.names()
            .binary_search_by(|known| known.as_str().cmp(name))
            .ok()
    }

    /// Where a present name has its feature, or which index it has; `None` for an unknown one that has none.
    #[inline]
    pub(super) fn place_of(&self, name: &str) -> Option<usize> {
        let position = self.position_of(name);
        match self {
            Self::Categories { names, other, .. } => position.or(other.then_some(names.len())),
            Self::Index { .. } => Some(position.map_or(0, |position| position + 1)),
            _ => None,
        }
    }

    /// Whether a present name has a feature or an index of its own.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.position_of(name).is_some()
    }

    /// Writes the features of a category: `None` is missing, `Some(None)` an unknown one without a feature.
    #[inline]
    pub(super) fn write_category(&self, place: Option<Option<usize>>, out: &mut [f32]) {
        let (Self::Categories {
            impute, indicator, ..
        }
        | Self::Index {
            impute, indicator, ..
        }) = self
        else {
            return;
        };
        out.fill(0.0);
        if let Some(place) = place.unwrap_or(Some(*impute)) {
            match self {
                // At most 10,000 categories are told apart, so a float holds every index.
                Self::Index { .. } => out[0] = place as f32,
                _ => out[place] = 1.0,
            }
        }
        if *indicator && let Some(last) = out.last_mut() {
            *last = f32::from(u8::from(place.is_none()));
        }
    }
}

/// (x - shift) / scale in double precision, kept within what a float holds.
#[inline]
fn scaled(value: f64, shift: f32, scale: f32) -> f32 {
    let scaled = (value - f64::from(shift)) / f64::from(scale);
    scaled.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32
}

/// Sine and cosine of the place within a period.
fn cycle(time: f64, period: f64) -> (f32, f32) {
    let angle = (time / period).rem_euclid(1.0) * std::f64::consts::TAU;
    (angle.sin() as f32, angle.cos() as f32)
}
