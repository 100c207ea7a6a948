//! How messages speak of values, types and bounds.

use serde_json::{Value, json};

/// A JSON type as people say it.
pub(super) fn in_words(name: &str) -> &str {
    match name {
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "string" => "a text",
        "array" => "a list",
        "object" => "an object",
        other => other,
    }
}

/// A value as the subject of a sentence.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(_) => shown(value).to_string(),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
    }
}

/// A value that is echoed in an answer, cut so that nobody's megabyte comes back.
pub(super) fn shown(value: &Value) -> Value {
    const LIMIT: usize = 100;
    match value {
        Value::String(text) if text.chars().count() > LIMIT => {
            let head: String = text.chars().take(LIMIT).collect();
            Value::String(format!("{head}..."))
        }
        Value::Array(_) => json!("[...]"),
        Value::Object(_) => json!("{...}"),
        other => other.clone(),
    }
}

/// Bounds as people say them.
pub(super) fn interval<T: std::fmt::Display>(min: Option<&T>, max: Option<&T>) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => "any number".into(),
    }
}
