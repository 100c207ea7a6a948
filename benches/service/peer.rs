//! The peer of the prediction benchmark: a bare axum handler that parses the same JSON and answers a fixed class and
//! probabilities, without a model, authentication, limits or logs. It is what axum itself can do on this machine.

use axum::{
    Router, body::Bytes, http::StatusCode, http::header, response::IntoResponse, routing::post,
};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Request {
    rows: Vec<Vec<f32>>,
}

#[derive(Serialize)]
struct Answer {
    predictions: Vec<u32>,
    probabilities: Vec<[f32; 3]>,
}

async fn predict(body: Bytes) -> impl IntoResponse {
    let Ok(request) = serde_json::from_slice::<Request>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let n = request.rows.len();
    let answer = Answer {
        predictions: vec![0; n],
        probabilities: vec![[0.7, 0.2, 0.1]; n],
    };
    match serde_json::to_vec(&answer) {
        Ok(bytes) => ([(header::CONTENT_TYPE, "application/json")], bytes).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Serves the peer on a port of the loopback address until the process is killed.
pub fn serve(port: u16) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
        axum::serve(listener, Router::new().route("/predict", post(predict))).await?;
        Ok(())
    })
}
