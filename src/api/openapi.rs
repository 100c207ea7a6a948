//! The contract: an OpenAPI 3.1 document made from the routes themselves, so that it cannot say less than they do.
//!
//! A handler documents what is its own: parameters, bodies, its success, the conflicts it may answer. What is true of
//! whole classes of routes (a token is needed, a body has a limit, a list of errors is always possible) is added here
//! by rule, once. The JSON Schema of a spec comes from the engine, where the structs live.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use serde_json::{Map, Value, json};
use utoipa::openapi::{Components, HttpMethod, InfoBuilder, OpenApi, OpenApiBuilder, Paths, RefOr};
use utoipa_axum::router::UtoipaMethodRouter;

use super::error::{Error, Kind, Problem, Violation};
use super::page::Order;
use super::{Api, auth};

/// Routes and their documents, growing together.
pub struct Routes<S> {
    router: Router<S>,
    openapi: OpenApi,
    paths: Vec<&'static str>,
}

/// All routes, and what is known of them.
pub struct Finished<S> {
    /// For axum.
    pub router: Router<S>,
    /// The OpenAPI document.
    pub document: Value,
    /// Templates of the paths: `/v1/runs/{id}`.
    pub paths: Vec<&'static str>,
}

/// The OpenAPI document of this service
#[utoipa::path(get, path = "", operation_id = "contract", tag = "server", responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
pub async fn show(State(api): State<Api>) -> Response {
    let document = api.contract.get().cloned().unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/json")], document).into_response()
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// No routes yet.
    pub fn new() -> Self {
        let info = InfoBuilder::new()
            .title("Descent")
            .version(env!("CARGO_PKG_VERSION"))
            .description(Some(ABOUT))
            .license(Some(utoipa::openapi::License::new("Apache-2.0 OR MIT")));
        let mut components = Components::new();
        for (name, schema) in [
            named::<Problem<'_>>(),
            named::<Violation>(),
            named::<Order>(),
        ] {
            components.schemas.insert(name, schema);
        }
        Routes {
            router: Router::new(),
            openapi: OpenApiBuilder::new()
                .info(info)
                .components(Some(components))
                .build(),
            paths: Vec::new(),
        }
    }

    /// Puts handlers, whose own documents have the empty path, at `path`.
    pub fn at(
        mut self,
        path: &'static str,
        (schemas, mut paths, methods): UtoipaMethodRouter<S>,
    ) -> Self {
        self.paths.push(path);
        let known = Arc::new(query_names(&paths));
        let methods = methods.layer(axum::middleware::from_fn(move |request, next| {
            check_query(Arc::clone(&known), request, next)
        }));
        self.router = self.router.route(path, methods);
        for (_, item) in std::mem::take(&mut paths.paths) {
            match self.openapi.paths.paths.get_mut(path) {
                Some(present) => present.merge_operations(item),
                None => drop(self.openapi.paths.paths.insert(path.to_owned(), item)),
            }
        }
        self.openapi
            .components
            .get_or_insert_with(Components::new)
            .schemas
            .extend(schemas);
        self
    }

    /// Puts a page for people at `path`; the contract is for programs and does not list it.
    pub fn page(mut self, path: &'static str, methods: MethodRouter<S>) -> Self {
        self.paths.push(path);
        self.router = self.router.route(path, methods);
        self
    }

    /// The router, and the finished document.
    pub fn finish(self) -> Finished<S> {
        // The document is built from our own types: it always serialises.
        let document = serde_json::to_value(&self.openapi).unwrap_or_default();
        Finished {
            router: self.router,
            document: complete(document),
            paths: self.paths,
        }
    }
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self::new()
    }
}

const ABOUT: &str = "Training as a service: upload a dataset, submit a run, watch it train, predict with the model. \
All JSON is UTF-8, times are RFC 3339 UTC with milliseconds, ids are UUIDv7, durations and sizes carry their unit. \
Errors are `application/problem+json` with a stable `code`.";

fn named<T: utoipa::ToSchema>() -> (String, utoipa::openapi::RefOr<utoipa::openapi::Schema>) {
    (T::name().into_owned(), T::schema())
}

/// Query parameters per method, as documented. A name that ends in `[` stands for a family: `metadata[...]`.
type QueryNames = BTreeMap<&'static str, BTreeSet<String>>;

fn query_names(paths: &Paths) -> QueryNames {
    let mut known = QueryNames::new();
    for item in paths.paths.values() {
        let operations = [
            ("GET", &item.get),
            ("POST", &item.post),
            ("PUT", &item.put),
            ("PATCH", &item.patch),
            ("DELETE", &item.delete),
        ];
        for (method, operation) in operations {
            let Some(operation) = operation else { continue };
            // Parameters are written where they are used; there is no shared one to refer to.
            let parameters = operation
                .parameters
                .iter()
                .flatten()
                .filter_map(|parameter| match parameter {
                    RefOr::T(parameter) => Some(parameter),
                    RefOr::Ref(_) => None,
                });
            let query = parameters.filter(|parameter| {
                matches!(
                    parameter.parameter_in,
                    utoipa::openapi::path::ParameterIn::Query
                )
            });
            let names = query.map(|parameter| match parameter.style {
                Some(utoipa::openapi::path::ParameterStyle::DeepObject) => {
                    format!("{}[", parameter.name)
                }
                _ => parameter.name.clone(),
            });
            known.entry(method).or_default().extend(names);
        }
    }
    known
}

/// Refuses query parameters that the contract does not know, and repeated ones: a typo must not be ignored in silence.
async fn check_query(known: Arc<QueryNames>, request: Request, next: Next) -> Response {
    if let Some(query) = request.uri().query()
        && let Err(error) = refuse_unknown(&known, request.method(), query)
    {
        return error.into_response();
    }
    next.run(request).await
}

/// `metadata[who]`: a known family and one key in it. A key inside a key, or a bracket that stays open, would be a filter
/// that nobody reads, and the answer a list that nobody asked for.
fn is_member(names: &BTreeSet<String>, name: &str) -> bool {
    let member = name
        .split_once('[')
        .and_then(|(family, key)| Some((family, key.strip_suffix(']')?)));
    member.is_some_and(|(family, key)| {
        !key.is_empty() && !key.contains(['[', ']']) && names.contains(&format!("{family}["))
    })
}

fn refuse_unknown(known: &QueryNames, method: &Method, query: &str) -> Result<(), Error> {
    let method = if method == Method::HEAD {
        "GET"
    } else {
        method.as_str()
    };
    let Some(names) = known.get(method) else {
        return Ok(());
    };
    let mut seen = BTreeSet::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let raw = pair.split('=').next().unwrap_or("");
        let name = raw
            .replace("%5B", "[")
            .replace("%5b", "[")
            .replace("%5D", "]")
            .replace("%5d", "]");
        if !names.contains(&name) && !is_member(names, &name) {
            let list: Vec<&str> = names.iter().map(String::as_str).collect();
            let allowed = if list.is_empty() {
                "this route takes none".to_owned()
            } else {
                format!("known are {}", list.join(", "))
            };
            return Err(Error::query(
                &name,
                format!("unknown query parameter {name:?}; {allowed}"),
            ));
        }
        if !seen.insert(name.clone()) {
            return Err(Error::query(
                &name,
                format!("the query parameter {name:?} is given twice"),
            ));
        }
    }
    Ok(())
}

/// Stands where a spec is part of a larger document: a reference to the component that [`complete`] adds.
pub struct SpecReference;

impl utoipa::PartialSchema for SpecReference {
    fn schema() -> RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::Ref::from_schema_name("Spec").into()
    }
}

impl utoipa::ToSchema for SpecReference {}

/// Adds what is true of every operation of a class.
fn complete(mut document: Value) -> Value {
    for (path, item) in document["paths"].as_object_mut().into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            if let (Ok(method), Some(operation)) =
                (HttpVerb::parse(method), operation.as_object_mut())
            {
                complete_operation(path, method, operation);
            }
        }
    }
    document["components"]["securitySchemes"] = json!({
        "token": { "type": "http", "scheme": "bearer", "bearerFormat": "dsc_<key id>_<secret><crc>", "description": "Made by `descent token create` or POST /v1/tokens." },
        "session": { "type": "apiKey", "in": "cookie", "name": "descent_session", "description": "Set by POST /v1/session; the name ends in `_<port>` where the address has one. What changes something must carry this server's Origin." }
    });
    document["components"]["responses"] = problems();
    close_variants(&mut document["components"]["schemas"]);
    merge_schemas(
        &mut document["components"]["schemas"],
        "Spec",
        descent_engine::spec::Family::Classification.schema(),
    );
    document
}

/// A variant of a tagged enum has no members but its own: unknown ones are refused, so the contract must not allow them.
fn close_variants(schemas: &mut Value) {
    for (_, schema) in schemas.as_object_mut().into_iter().flatten() {
        let variants = schema.get_mut("oneOf").and_then(Value::as_array_mut);
        let variants = variants.into_iter().flatten();
        let tagged = variants.filter(|variant| variant["properties"]["kind"]["enum"].is_array());
        tagged.for_each(|variant| variant["additionalProperties"] = json!(false));
    }
}

/// The methods that an operation may stand under in a path item.
struct HttpVerb(HttpMethod);

impl HttpVerb {
    fn parse(text: &str) -> Result<Self, ()> {
        Ok(HttpVerb(match text {
            "get" => HttpMethod::Get,
            "post" => HttpMethod::Post,
            "put" => HttpMethod::Put,
            "patch" => HttpMethod::Patch,
            "delete" => HttpMethod::Delete,
            _ => return Err(()),
        }))
    }

    fn http(&self) -> Method {
        match self.0 {
            HttpMethod::Get => Method::GET,
            HttpMethod::Post => Method::POST,
            HttpMethod::Put => Method::PUT,
            HttpMethod::Patch => Method::PATCH,
            _ => Method::DELETE,
        }
    }
}

fn complete_operation(path: &str, verb: HttpVerb, operation: &mut Map<String, Value>) {
    let method = verb.http();
    let has_body = operation.contains_key("requestBody");
    let sample = path.replace(['{', '}'], "");
    let access = auth::required(&method, &sample);
    let mut kinds = vec![
        Kind::Malformed,
        Kind::Forbidden,
        Kind::HeadersTooLarge,
        Kind::Internal,
        Kind::Unavailable,
    ];
    if path.contains('{') {
        kinds.push(Kind::NotFound);
    }
    if has_body {
        kinds.extend([
            Kind::Timeout,
            Kind::TooLarge,
            Kind::UnsupportedMediaType,
            Kind::Unprocessable,
        ]);
    }
    if let Some(body) = operation.get_mut("requestBody") {
        // OpenAPI takes a body for optional where nothing is said; no operation here has an optional one.
        body["required"] = json!(true);
    }
    if takes_header(operation, "If-Match") {
        kinds.extend([Kind::PreconditionFailed, Kind::PreconditionRequired]);
    }
    if takes_header(operation, "Idempotency-Key") {
        kinds.extend([Kind::Conflict, Kind::Unprocessable]);
    }
    match access {
        auth::Access::Public => drop(operation.insert("security".into(), json!([]))),
        auth::Access::Token(scope) => {
            kinds.extend([Kind::Unauthorized, Kind::TooManyRequests]);
            let scopes: Vec<String> = scope.iter().map(ToString::to_string).collect();
            let either = json!([{ "token": scopes }, { "session": [] }]);
            operation.insert("security".into(), either);
        }
    }
    let responses = operation.entry("responses").or_insert_with(|| json!({}));
    let Some(responses) = responses.as_object_mut() else {
        return;
    };
    for kind in kinds {
        responses
            .entry(kind.status().as_str())
            .or_insert_with(|| reference(kind));
    }
    for (status, response) in responses.iter_mut() {
        complete_response(status, response);
    }
    let sorted: BTreeMap<String, Value> = std::mem::take(responses).into_iter().collect();
    responses.extend(sorted);
}

fn takes_header(operation: &Map<String, Value>, name: &str) -> bool {
    let parameters = operation.get("parameters").and_then(Value::as_array);
    parameters
        .into_iter()
        .flatten()
        .any(|parameter| parameter["in"] == "header" && parameter["name"] == name)
}

/// An error answer that a handler only described in words gets the problem document; every answer the request id.
fn complete_response(status: &str, response: &mut Value) {
    if response.get("$ref").is_some() {
        return;
    }
    let is_error = status.starts_with(['4', '5']);
    if is_error && response.get("content").is_none() {
        response["content"] = json!({ "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } });
    }
    response["headers"]["X-Request-Id"] = request_id_header();
}

fn request_id_header() -> Value {
    json!({ "description": "Finds this request in the log.", "schema": { "type": "string" }, "required": true })
}

fn reference(kind: Kind) -> Value {
    json!({ "$ref": format!("#/components/responses/{kind:?}") })
}

/// One shared response per kind of error.
fn problems() -> Value {
    let mut all = Map::new();
    for kind in Kind::ALL {
        let mut response = json!({
            "description": kind.status().canonical_reason().unwrap_or("Error"),
            "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
            "headers": { "X-Request-Id": request_id_header() },
        });
        if matches!(kind, Kind::TooManyRequests | Kind::Unavailable) {
            response["headers"]["Retry-After"] = json!({ "description": "Whole seconds to wait.", "schema": { "type": "integer", "minimum": 1 }, "required": true });
        }
        if kind == Kind::HeadersTooLarge {
            // Said by the connection before there is a request that could have an id: status alone, no document.
            response = json!({ "description": "The request line and header fields are larger than the limit; the connection is closed" });
        }
        if kind == Kind::Unauthorized {
            response["headers"]["WWW-Authenticate"] = json!({ "description": "Always `Bearer`.", "schema": { "type": "string" }, "required": true });
        }
        all.insert(format!("{kind:?}"), response);
    }
    Value::Object(all)
}

/// Puts a JSON Schema with its own `$defs` among the components as `name`.
fn merge_schemas(schemas: &mut Value, name: &str, mut schema: Value) {
    let Some(root) = schema.as_object_mut() else {
        return;
    };
    root.remove("$schema");
    let definitions = root.remove("$defs");
    let Some(schemas) = schemas.as_object_mut() else {
        return;
    };
    let mut put = |name: String, mut schema: Value| {
        rewrite_references(&mut schema);
        schemas.insert(name, schema);
    };
    for (key, definition) in definitions
        .as_ref()
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        put(format!("{name}.{key}"), definition.clone());
    }
    put(name.to_owned(), schema);
}

/// `#/$defs/Dense` -> `#/components/schemas/Spec.Dense`.
fn rewrite_references(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get_mut("$ref") {
                *reference = reference.replace("#/$defs/", "#/components/schemas/Spec.");
            }
            map.values_mut().for_each(rewrite_references);
        }
        Value::Array(items) => items.iter_mut().for_each(rewrite_references),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_or_repeated_query_parameter_is_refused() {
        let known = QueryNames::from([(
            "GET",
            BTreeSet::from(["limit".to_owned(), "metadata[".to_owned()]),
        )]);
        let check = |query| refuse_unknown(&known, &Method::GET, query);
        assert!(check("limit=3&metadata[who]=me&metadata%5Bwhy%5D=x").is_ok());
        for odd in [
            "metadata[a][b]=x",
            "metadata[a=x",
            "metadata[]=x",
            "limit[a]=3",
        ] {
            assert!(check(odd).is_err(), "{odd}");
        }
        assert!(
            check("limt=3")
                .unwrap_err()
                .detail()
                .contains("known are limit")
        );
        assert!(
            check("limit=3&limit=4")
                .unwrap_err()
                .detail()
                .contains("twice")
        );
    }

    #[test]
    fn definitions_become_components() {
        let mut schemas = json!({});
        merge_schemas(
            &mut schemas,
            "Spec",
            json!({ "$schema": "x", "$defs": { "Dense": {} }, "items": { "$ref": "#/$defs/Dense" } }),
        );
        assert_eq!(
            schemas["Spec"]["items"]["$ref"],
            "#/components/schemas/Spec.Dense"
        );
        assert!(schemas.get("Spec.Dense").is_some());
    }
}
