//! Numbers in JSON. JSON has no NaN and no infinity: such a value is `null`, and `nonfinite` beside it says which it was.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Where a series has a value that JSON cannot say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Nonfinite {
    /// Place in `values`, from 0.
    pub idx: usize,
    /// What stood there.
    #[schema(pattern = "^(nan|inf|-inf)$")]
    pub value: &'static str,
}

/// The number, or `null` where JSON has none.
pub fn number(value: f64) -> Value {
    serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// The word for a value that JSON cannot say.
pub fn word(value: f64) -> Option<&'static str> {
    match value {
        _ if value.is_finite() => None,
        _ if value.is_nan() => Some("nan"),
        _ if value > 0.0 => Some("inf"),
        _ => Some("-inf"),
    }
}

/// Every place of `values` that JSON cannot say.
pub fn nonfinite(values: impl Iterator<Item = f64>) -> Vec<Nonfinite> {
    values
        .enumerate()
        .filter_map(|(idx, value)| word(value).map(|value| Nonfinite { idx, value }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_cannot_say_is_null_with_a_word() {
        let values = [1.5, f64::NAN, f64::NEG_INFINITY];
        let shown: Vec<Value> = values.into_iter().map(number).collect();
        assert_eq!(serde_json::to_string(&shown).unwrap(), "[1.5,null,null]");
        let places = nonfinite(values.into_iter());
        assert_eq!(
            places,
            [
                Nonfinite {
                    idx: 1,
                    value: "nan"
                },
                Nonfinite {
                    idx: 2,
                    value: "-inf"
                }
            ]
        );
    }
}
