//! Every URL of the service, on one page.

use axum::http::Uri;
use axum::routing::{get, post};
use serde_json::Value;
use utoipa_axum::routes;

use crate::api::edge::Edge;
use crate::api::openapi::Routes;
use crate::api::traffic::RouteNames;
use crate::api::{
    Api, checkpoints, dashboard, datasets, diagnoses, docs, error, events, families, inference,
    landscapes, limits, logs, metrics, metrics_page, models, openapi, predict, probes, queue, runs,
    session, sweeps, tfevents, tokens, trajectory, usage,
};

/// The routes.
fn page() -> Routes<Api> {
    Routes::new()
        .at("/v1/datasets", routes!(datasets::list, datasets::upload))
        .at(
            "/v1/datasets/{id}",
            routes!(datasets::show, datasets::change, datasets::delete),
        )
        .at("/v1/datasets/{id}/profile", routes!(datasets::profile))
        .at("/v1/datasets/{id}/rows", routes!(datasets::rows))
        .at("/v1/datasets/{id}/content", routes!(datasets::content))
        .at("/v1/runs", routes!(runs::list, runs::submit))
        .at("/v1/runs:batch", routes!(runs::submit_batch))
        .at(
            "/v1/runs/{id}",
            routes!(runs::show, runs::change, runs::delete),
        )
        .at("/v1/runs/{id}/cancel", routes!(runs::cancel))
        .at("/v1/runs/{id}/pause", routes!(runs::pause))
        .at("/v1/runs/{id}/resume", routes!(runs::resume))
        .at("/v1/runs/{id}/retry", routes!(runs::retry))
        .at("/v1/runs/{id}/fork", routes!(runs::fork))
        .at("/v1/runs/{id}/reproduce", routes!(runs::reproduce))
        .at("/v1/sweeps", routes!(sweeps::list, sweeps::create))
        .at(
            "/v1/sweeps/{id}",
            routes!(sweeps::show, sweeps::change, sweeps::delete),
        )
        .at("/v1/sweeps/{id}/stop", routes!(sweeps::stop))
        .at("/v1/sweeps/{id}/results", routes!(sweeps::results))
        .at("/v1/families", routes!(families::list))
        .at("/v1/families/{name}/schema", routes!(families::schema))
        .at("/v1/queue", routes!(queue::show, queue::change))
        .at("/v1/events", routes!(events::all::list))
        .at("/v1/runs/{id}/events", routes!(events::list))
        .at("/v1/runs/{id}/metrics", routes!(metrics::show))
        .at("/v1/runs/{id}/tfevents", routes!(tfevents::show))
        .at("/v1/runs/{id}/checkpoints", routes!(checkpoints::list))
        .at("/v1/runs/{id}/trajectory", routes!(trajectory::show))
        .at(
            "/v1/runs/{id}/landscape",
            routes!(landscapes::show, landscapes::ask),
        )
        .at("/v1/runs/{id}/landscapes", routes!(landscapes::list))
        .at("/v1/runs/{id}/logs", routes!(logs::list))
        .at("/v1/runs/{id}/diagnoses", routes!(diagnoses::list))
        .at("/v1/models", routes!(models::list))
        .at("/v1/models/{name}", routes!(models::show, models::delete))
        .at("/v1/models/{name}/predict", routes!(predict::predict))
        .at("/v1/models/{name}/export", routes!(models::export::export))
        .at("/v1/models/{name}/versions", routes!(models::versions))
        .at(
            "/v1/models/{name}/versions/{version}",
            routes!(models::show_version, models::delete_version),
        )
        .at(
            "/v1/models/{name}/versions/{version}/predict",
            routes!(predict::predict_version),
        )
        .at("/v1/models/{name}/aliases", routes!(models::aliases::list))
        .at(
            "/v1/models/{name}/aliases/{alias}",
            routes!(
                models::aliases::show,
                models::aliases::put,
                models::aliases::delete
            ),
        )
        .at("/v1/tokens", routes!(tokens::list, tokens::create))
        .at("/v1/tokens/{id}", routes!(tokens::show, tokens::revoke))
        .at(
            "/v1/session",
            routes!(session::show, session::create, session::delete),
        )
        .at("/v1/limits", routes!(limits::show))
        .at("/v1/usage", routes!(usage::show))
        .at("/healthz", routes!(probes::health))
        .at("/readyz", routes!(probes::ready))
        .at("/metrics", routes!(metrics_page::show))
        .at("/openapi.json", routes!(openapi::show))
        .page("/v2", get(inference::server))
        .page("/v2/health/live", get(inference::live))
        .page("/v2/health/ready", get(inference::ready))
        .page("/v2/models", get(inference::list))
        .page("/v2/models/{name}", get(inference::model))
        .page("/v2/models/{name}/ready", get(inference::model_ready))
        .page("/v2/models/{name}/infer", post(inference::infer))
        .page(
            "/v2/models/{name}/versions/{version}",
            get(inference::version),
        )
        .page(
            "/v2/models/{name}/versions/{version}/ready",
            get(inference::version_ready),
        )
        .page(
            "/v2/models/{name}/versions/{version}/infer",
            post(inference::infer_version),
        )
        .page("/v2/repository/index", post(inference::index))
        .page("/v2/repository/models/{name}/load", post(inference::load))
        .page(
            "/v2/repository/models/{name}/unload",
            post(inference::unload),
        )
        .page("/docs", get(docs::to_docs))
        .page("/docs/", get(docs::index))
        .page("/docs/{file}", get(docs::file))
        .page("/", get(dashboard::index))
        .page("/icon.svg", get(dashboard::icon))
        .page("/assets/{file}", get(dashboard::asset))
}

/// The OpenAPI document of the service.
pub fn contract() -> Value {
    page().finish().document
}

/// The service: every route behind the edge. `boot` makes the request ids of this process different from those of others.
pub fn service(api: Api, boot: u64) -> Edge {
    let finished = page().finish();
    // Set once per `Api`; a second router on the same one serves the same document.
    let _ = api.contract.set(finished.document.to_string().into());
    let names = RouteNames::new(finished.paths);
    let router = finished
        .router
        .fallback(|uri: Uri| error::no_such_route(uri))
        .method_not_allowed_fallback(error::no_such_method);
    Edge::new(router.with_state(api.clone()), api, names, boot)
}
