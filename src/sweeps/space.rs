//! What a sweep may change: places of the spec, and what may stand there.
//!
//! Strategies do not know units. They work on coordinates in [0, 1], and a domain turns a coordinate into a value: evenly over the
//! values, or over their logarithms.

use std::collections::BTreeMap;

use descent_engine::spec::Violation;
use descent_engine::spec::pointer::unescaped;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// Settings that one sweep may change.
pub const MAX_PARAMETERS: usize = 32;
/// Values of one choice.
pub const MAX_VALUES: usize = 100;
/// Integers that JSON readers agree on.
const MAX_INTEGER: i64 = 1 << 53;

/// What may stand at a place of the spec.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Domain {
    /// One of these values: any JSON, also a whole layer or list of layers.
    Choice {
        /// The values.
        #[schema(min_items = 1, max_items = 100)]
        values: Vec<Value>,
    },
    /// A number, evenly from low to high.
    Uniform {
        /// Smallest.
        low: f64,
        /// Largest.
        high: f64,
    },
    /// A positive number, whose logarithm lies evenly from that of low to that of high.
    LogUniform {
        /// Smallest.
        #[schema(exclusive_minimum = 0)]
        low: f64,
        /// Largest.
        #[schema(exclusive_minimum = 0)]
        high: f64,
    },
    /// A whole number from low to high.
    Integer {
        /// Smallest.
        #[schema(minimum = -9_007_199_254_740_992i64, maximum = 9_007_199_254_740_992i64)]
        low: i64,
        /// Largest.
        #[schema(minimum = -9_007_199_254_740_992i64, maximum = 9_007_199_254_740_992i64)]
        high: i64,
        /// Evenly over the logarithms; needs a positive low.
        #[serde(default)]
        log: bool,
    },
}

/// JSON Pointer into the spec -> what may stand there, in the order of the pointers.
pub type Space = BTreeMap<String, Domain>;

/// Values of one proposal, by pointer.
pub type Parameters = BTreeMap<String, Value>;

/// The shape of a domain, as a strategy sees it in coordinates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Axis {
    /// Every coordinate in [0, 1] is a value of its own.
    Continuous,
    /// As many neighbouring cells as values, in their order; cells may be of different widths.
    Ordered(u64),
    /// As many cells of equal width, in no order.
    Unordered(u64),
}

impl Domain {
    /// Everything that is wrong with the domain itself. `at` is its pointer in the request.
    pub fn violations(&self, at: &str) -> Vec<Violation> {
        let mut found = Vec::new();
        let mut wrong = |member: &str, message: String, got: Value| {
            found.push(Violation::new(format!("{at}/{member}"), "range", message).got(got));
        };
        match self {
            Self::Choice { values } => {
                if !(1..=MAX_VALUES).contains(&values.len()) {
                    let message = format!("a choice has 1 to {MAX_VALUES} values");
                    wrong("values", message, values.len().into());
                }
            }
            Self::Uniform { low, high } | Self::LogUniform { low, high } => {
                let log = matches!(self, Self::LogUniform { .. });
                if log && *low <= 0.0 {
                    let message = "low must be above 0 where logarithms are even".to_owned();
                    wrong("low", message, json!(low));
                }
                if high <= low {
                    wrong(
                        "high",
                        format!("high must be above low, {low}"),
                        json!(high),
                    );
                }
            }
            Self::Integer { low, high, log } => {
                if *log && *low < 1 {
                    let message = "low must be 1 or more where logarithms are even".to_owned();
                    wrong("low", message, json!(low));
                }
                for (member, value) in [("low", *low), ("high", *high)] {
                    if !(-MAX_INTEGER..=MAX_INTEGER).contains(&value) {
                        let message = format!("{member} must be -2^53 to 2^53");
                        wrong(member, message, json!(value));
                    }
                }
                if high <= low {
                    wrong(
                        "high",
                        format!("high must be above low, {low}"),
                        json!(high),
                    );
                }
            }
        }
        found
    }

    /// The shape in coordinates.
    pub fn axis(&self) -> Axis {
        match self {
            Self::Choice { values } => Axis::Unordered(values.len() as u64),
            Self::Uniform { .. } | Self::LogUniform { .. } => Axis::Continuous,
            Self::Integer { low, high, .. } => Axis::Ordered(low.abs_diff(*high) + 1),
        }
    }

    /// The value at a coordinate. Numbers are rounded to six digits: nobody learns from more, and people read them.
    pub fn value(&self, coordinate: f64) -> Value {
        let coordinate = coordinate.clamp(0.0, 1.0);
        match self {
            Self::Choice { values } => {
                let cell = (coordinate * values.len() as f64) as usize;
                values[cell.min(values.len() - 1)].clone()
            }
            // The ends are what the user wrote, to the last digit.
            Self::Uniform { low, high } | Self::LogUniform { low, high } if coordinate == 1.0 => {
                json!(high.max(*low))
            }
            Self::Uniform { low, high } => {
                json!(six_digits(low + coordinate * (high - low)).clamp(*low, *high))
            }
            Self::LogUniform { low, high } => {
                let exact = (low.ln() + coordinate * (high / low).ln()).exp();
                json!(six_digits(exact).clamp(*low, *high))
            }
            Self::Integer { low, high, log } => {
                let (bottom, top) = (*low as f64 - 0.5, *high as f64 + 0.5);
                let exact = match log {
                    true => (bottom.ln() + coordinate * (top / bottom).ln()).exp(),
                    false => bottom + coordinate * (top - bottom),
                };
                json!((exact.round() as i64).clamp(*low, *high))
            }
        }
    }

    /// The coordinate in the middle of a value's cell; `None` when the value is not of this domain.
    pub fn coordinate(&self, value: &Value) -> Option<f64> {
        match self {
            Self::Uniform { low, high } => Some((value.as_f64()? - low) / (high - low)),
            Self::LogUniform { low, high } => {
                Some((value.as_f64()? / low).ln() / (high / low).ln())
            }
            _ => {
                let (from, to) = self.cell(value)?;
                Some(0.5 * (from + to))
            }
        }
        .map(|coordinate| coordinate.clamp(0.0, 1.0))
    }

    /// The coordinates that become a value, where values have cells.
    pub fn cell(&self, value: &Value) -> Option<(f64, f64)> {
        match self {
            Self::Choice { values } => {
                let position = values.iter().position(|known| known == value)? as f64;
                let n = values.len() as f64;
                Some((position / n, (position + 1.0) / n))
            }
            Self::Integer { low, high, log } => {
                let (bottom, top) = (*low as f64 - 0.5, *high as f64 + 0.5);
                let value = value.as_i64()? as f64;
                let place = |x: f64| match log {
                    true => (x / bottom).ln() / (top / bottom).ln(),
                    false => (x - bottom) / (top - bottom),
                };
                Some((place(value - 0.5), place(value + 0.5)))
            }
            Self::Uniform { .. } | Self::LogUniform { .. } => None,
        }
    }

    /// The values that a grid tries: all of a choice, and `levels` of a range from one end to the other; whole numbers once each.
    pub fn levels(&self, levels: u32) -> Vec<Value> {
        let even = |position: u32| f64::from(position) / f64::from(levels.max(2) - 1);
        match self {
            Self::Choice { values } => values.clone(),
            Self::Uniform { .. } | Self::LogUniform { .. } => (0..levels)
                .map(|position| self.value(even(position)))
                .collect(),
            Self::Integer { low, high, .. } if low.abs_diff(*high) < u64::from(levels) => {
                (*low..=*high).map(Value::from).collect()
            }
            Self::Integer { low, high, log } => {
                let (from, to) = (*low as f64, *high as f64);
                let value = |position: u32| match log {
                    true => from * (to / from).powf(even(position)),
                    false => from + even(position) * (to - from),
                };
                let mut values: Vec<i64> = (0..levels)
                    .map(|position| (value(position).round() as i64).clamp(*low, *high))
                    .collect();
                values.dedup();
                values.into_iter().map(Value::from).collect()
            }
        }
    }

    /// The values that stand for the whole domain when it is checked, and what each is called in a pointer: the ends of a range, every
    /// value of a choice.
    pub fn samples(&self) -> Vec<(String, Value)> {
        match self {
            Self::Choice { values } => values
                .iter()
                .enumerate()
                .map(|(index, value)| (format!("values/{index}"), value.clone()))
                .collect(),
            _ => vec![
                ("low".to_owned(), self.value(0.0)),
                ("high".to_owned(), self.value(1.0)),
            ],
        }
    }
}

/// The nearest number with six significant digits.
fn six_digits(x: f64) -> f64 {
    // What Rust prints it reads again; a number that is not finite stays as it is.
    format!("{x:.5e}").parse().unwrap_or(x)
}

/// The values at the coordinates of a point, one per domain in the order of the space.
pub fn values(space: &Space, point: &[f64]) -> Parameters {
    space
        .iter()
        .zip(point)
        .map(|((pointer, domain), coordinate)| (pointer.clone(), domain.value(*coordinate)))
        .collect()
}

/// The coordinates of values, in the order of the space; `None` where a value is not of its domain.
pub fn point(space: &Space, parameters: &Parameters) -> Option<Vec<f64>> {
    space
        .iter()
        .map(|(pointer, domain)| domain.coordinate(parameters.get(pointer)?))
        .collect()
}

/// Writes a value to a place of a document. Objects on the way are made where they are missing; what stands in a list must be there.
///
/// # Errors
/// Why there is no such place.
pub fn set(document: &mut Value, pointer: &str, value: Value) -> Result<(), String> {
    let mut place = document;
    let mut tokens = pointer.split('/');
    if tokens.next() != Some("") || pointer.len() < 2 {
        return Err("a JSON Pointer into the spec begins with `/`".to_owned());
    }
    for token in tokens {
        let token = unescaped(token);
        place = match place {
            Value::Null => {
                *place = json!({});
                &mut place[token.as_str()]
            }
            Value::Object(object) => object.entry(token).or_insert(Value::Null),
            Value::Array(items) => {
                let n_items = items.len();
                let index = token.parse::<usize>().ok().filter(|index| *index < n_items);
                let Some(index) = index else {
                    return Err(format!(
                        "the spec has {n_items} items there, so `{token}` is none of them"
                    ));
                };
                &mut items[index]
            }
            other => {
                return Err(format!(
                    "the spec has {other} there, which has no member `{token}`"
                ));
            }
        };
    }
    *place = value;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_and_its_coordinate_agree() {
        let domains = [
            Domain::Uniform {
                low: -2.0,
                high: 3.0,
            },
            Domain::LogUniform {
                low: 1e-4,
                high: 1.0,
            },
            Domain::Integer {
                low: 3,
                high: 11,
                log: false,
            },
            Domain::Integer {
                low: 8,
                high: 128,
                log: true,
            },
            Domain::Choice {
                values: vec![json!("a"), json!(16), json!([1, 2])],
            },
        ];
        for domain in domains {
            for step in 0..=20 {
                let value = domain.value(f64::from(step) / 20.0);
                let again = domain.value(domain.coordinate(&value).unwrap());
                assert_eq!(value, again, "{domain:?} at {step}");
            }
            let ends: Vec<Value> = domain
                .samples()
                .into_iter()
                .map(|(_, value)| value)
                .collect();
            assert_eq!(ends.first(), Some(&domain.value(0.0)), "{domain:?}");
            assert_eq!(ends.last(), Some(&domain.value(1.0)), "{domain:?}");
        }
    }

    #[test]
    fn cells_of_integers_fill_the_line_without_gaps() {
        let domain = Domain::Integer {
            low: 1,
            high: 9,
            log: true,
        };
        let cells: Vec<_> = (1..=9)
            .map(|value| domain.cell(&json!(value)).unwrap())
            .collect();
        assert_eq!(cells[0].0, 0.0);
        assert!((cells[8].1 - 1.0).abs() < 1e-12);
        assert!(
            cells
                .windows(2)
                .all(|two| (two[0].1 - two[1].0).abs() < 1e-12)
        );
    }

    #[test]
    fn a_place_is_made_in_objects_and_must_be_there_in_lists() {
        let mut spec = json!({"network": [{"kind": "dense", "units": 4}]});
        set(&mut spec, "/training/batch_size", json!(16)).unwrap();
        set(&mut spec, "/network/0/units", json!(8)).unwrap();
        assert_eq!(
            spec,
            json!({"network": [{"kind": "dense", "units": 8}], "training": {"batch_size": 16}})
        );
        for nowhere in [
            "/network/1/units",
            "/network/0/units/x",
            "training",
            "/",
            "",
        ] {
            assert!(
                set(&mut spec.clone(), nowhere, json!(1)).is_err() || nowhere == "/",
                "{nowhere}"
            );
        }
    }

    #[test]
    fn levels_go_from_end_to_end_and_name_whole_numbers_once() {
        let integer = |low, high, log| Domain::Integer { low, high, log };
        assert_eq!(integer(1, 6, true).levels(5), [1, 2, 4, 6]);
        assert_eq!(integer(8, 128, true).levels(5), [8, 16, 32, 64, 128]);
        assert_eq!(integer(-1, 1, false).levels(5), [-1, 0, 1]);
        let log = Domain::LogUniform {
            low: 0.001,
            high: 0.1,
        };
        assert_eq!(log.levels(3), [json!(0.001), json!(0.01), json!(0.1)]);
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(six_digits(0.001_234_567_89), 0.001_234_57);
        assert_eq!(six_digits(0.0), 0.0);
        let domain = Domain::LogUniform {
            low: 1e-5,
            high: 1e-5 * 3.000_000_1,
        };
        assert_eq!(domain.value(1.0), json!(1e-5 * 3.000_000_1));
    }
}
