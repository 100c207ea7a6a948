//! What can be trained: `/v1/families`, and the JSON Schema of each family's specs.
//!
//! A schema is made from the structs that read a spec, so it cannot promise what they refuse.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use descent_engine::spec;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::{Error, Result};
use super::input::Path;
use super::page::Page;

/// One family of networks.
#[derive(Debug, Serialize, ToSchema)]
pub struct Family {
    /// Always `family`.
    #[schema(pattern = "^family$")]
    pub object: &'static str,
    /// Its name, as in the filter of `/v1/runs`.
    #[schema(example = "classification")]
    pub name: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
    /// Where its JSON Schema is.
    #[schema(example = "/v1/families/classification/schema")]
    pub schema: String,
}

impl From<spec::Family> for Family {
    fn from(family: spec::Family) -> Self {
        Family {
            object: "family",
            name: family.name(),
            about: family.describe(),
            schema: format!("/v1/families/{}/schema", family.name()),
        }
    }
}

/// Families that can be trained
#[utoipa::path(get, path = "", operation_id = "families_list", tag = "families", responses((status = 200, description = "All of them", body = Page<Family>)))]
pub async fn list() -> axum::Json<Page<Family>> {
    let data: Vec<Family> = spec::Family::ALL.into_iter().map(Family::from).collect();
    let n_families = data.len() as u32;
    axum::Json(Page::new(data, n_families, |family| family.name.to_owned()))
}

/// The JSON Schema of a family's specs
///
/// JSON Schema 2020-12 with defaults, ranges and explanations, for editors and forms.
#[utoipa::path(get, path = "", operation_id = "families_schema", tag = "families",
    params(("name" = String, Path, description = "Name of the family", example = "classification")),
    responses((status = 200, description = "JSON Schema 2020-12", body = Object, content_type = "application/schema+json")))]
pub async fn schema(Path(name): Path<String>) -> Result<Response> {
    let family = spec::Family::named(&name).ok_or_else(|| Error::not_found("family", &name))?;
    let mut response = axum::Json(family.schema()).into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/schema+json"),
    );
    Ok(response)
}
