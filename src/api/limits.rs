//! `GET /v1/limits`: every limit a client can run into, with its value here, its default and its meaning.
//!
//! The list is made from the settings themselves (`config.rs`): a limit that is added there appears here.

use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Api;
use super::page::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::config::Config;
use crate::data;
use crate::runs::MAX_BATCH;
use crate::sweeps;
use crate::tokens::session::MAX_SESSIONS;

/// Sections of the settings that limit clients. The others tell where the server lives and how it works inside.
const SECTIONS: [&str; 6] = ["connections", "bodies", "rates", "specs", "data", "quota"];

/// All limits.
#[derive(Debug, Serialize, ToSchema)]
pub struct Limits {
    /// Always `limits`.
    #[schema(pattern = "^limits$")]
    pub object: &'static str,
    /// One entry per limit.
    pub limits: Vec<Limit>,
}

/// One limit.
#[derive(Debug, Serialize, ToSchema)]
pub struct Limit {
    /// What it is about.
    #[schema(example = "bodies")]
    pub section: &'static str,
    /// Its name, which ends in its unit; `[section] name` in the settings file.
    #[schema(example = "json_bytes")]
    pub name: &'static str,
    /// Its value on this server.
    #[schema(value_type = u64, example = 1_048_576)]
    pub value: Value,
    /// Its value where nobody sets another.
    #[schema(value_type = u64, example = 1_048_576)]
    pub default: Value,
    /// What it limits, in a sentence.
    pub about: &'static str,
}

/// The limits of this server
#[utoipa::path(get, path = "", operation_id = "limits_show", tag = "server", responses((status = 200, description = "Every limit", body = Limits)))]
pub async fn show(State(api): State<Api>) -> axum::Json<Limits> {
    axum::Json(Limits {
        object: "limits",
        limits: limits(&api.app.config),
    })
}

fn limits(config: &Config) -> Vec<Limit> {
    // Settings are numbers and texts under text keys: they always have a JSON form.
    let values = serde_json::to_value(config).unwrap_or_default();
    let defaults = serde_json::to_value(Config::default()).unwrap_or_default();
    let configured = Config::settings()
        .into_iter()
        .filter(|setting| SECTIONS.contains(&setting.section));
    let configured = configured.map(|setting| Limit {
        section: setting.section,
        name: setting.name,
        value: values[setting.section][setting.name].clone(),
        default: defaults[setting.section][setting.name].clone(),
        about: setting.about,
    });
    let fixed = |section, name, value: u64, about| Limit {
        section,
        name,
        value: value.into(),
        default: value.into(),
        about,
    };
    let data = data::Limits::default();
    let fixed = [
        fixed("arrays", "max_rows", data.max_rows, "Rows of an array."),
        fixed(
            "arrays",
            "max_sample_numbers",
            data.max_sample_numbers,
            "Numbers of one sample: pixels times channels.",
        ),
        fixed(
            "arrays",
            "max_picture_bytes",
            data.max_picture_bytes,
            "Packed bytes of one picture in an archive.",
        ),
        fixed(
            "batches",
            "max_runs",
            MAX_BATCH as u64,
            "Runs of one batch.",
        ),
        fixed(
            "sweeps",
            "max_runs",
            sweeps::MAX_RUNS.into(),
            "Children of one sweep.",
        ),
        fixed(
            "sweeps",
            "max_parameters",
            sweeps::MAX_PARAMETERS as u64,
            "Settings that one sweep may change.",
        ),
        fixed(
            "sweeps",
            "max_values",
            sweeps::MAX_VALUES as u64,
            "Values of one choice of a sweep.",
        ),
        fixed(
            "lists",
            "default_items",
            DEFAULT_LIMIT.into(),
            "Items on a page of a list when the client does not say.",
        ),
        fixed(
            "lists",
            "max_items",
            MAX_LIMIT.into(),
            "Most items on a page of a list.",
        ),
        fixed(
            "sessions",
            "max_browsers",
            MAX_SESSIONS.into(),
            "Browsers signed in with one token; the one that signed in first makes room for another.",
        ),
    ];
    configured.chain(fixed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_a_number_and_no_path_is_shown() {
        let mut config = Config::default();
        config.bodies.json_bytes = 77;
        let limits = limits(&config);
        assert!(limits.len() > 20);
        assert!(
            limits
                .iter()
                .all(|limit| limit.value.is_u64() && limit.default.is_u64()),
            "{limits:?}"
        );
        let json = limits
            .iter()
            .find(|limit| limit.name == "json_bytes")
            .unwrap();
        assert_eq!(
            (json.value.as_u64(), json.default.as_u64()),
            (Some(77), Some(1 << 20))
        );
        assert!(limits.iter().all(|limit| limit.name != "data_dir"));
    }
}
