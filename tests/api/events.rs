use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, iris_spec};

async fn stream(app: &TestApp, run: &str, last_seen: Option<u64>) -> Answer {
    let ask = app
        .ask(Method::GET, &format!("/v1/runs/{run}/events"))
        .header("accept", "text/event-stream");
    match last_seen {
        Some(seq) => ask.header("last-event-id", &seq.to_string()).send().await,
        None => ask.send().await,
    }
}

/// `(id, type, data)` of every event of a stream; comments are passed over.
fn frames(answer: &Answer) -> Vec<(u64, String, Value)> {
    let field = |frame: &str, name: &str| {
        frame
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .map(|rest| rest.trim().to_owned())
    };
    answer
        .text()
        .split("\n\n")
        .filter_map(|frame| {
            let id = field(frame, "id:")?.parse().unwrap();
            let data = serde_json::from_str(&field(frame, "data:").unwrap()).unwrap();
            Some((id, field(frame, "event:").unwrap(), data))
        })
        .collect()
}

#[tokio::test]
async fn a_stream_replays_follows_and_ends_with_done() {
    let app = TestApp::start().await;
    let dataset = app
        .dataset("admin", "iris", include_bytes!("../../examples/iris.csv"))
        .await;
    let run = app
        .submit("admin", iris_spec(dataset, "watched"))
        .await
        .id
        .to_string();
    // The answer is read to its end, so this follows the run while it trains.
    let answer = stream(&app, &run, None).await;
    assert_eq!(answer.header("content-type"), "text/event-stream");
    let seen = frames(&answer);
    let ids: Vec<u64> = seen.iter().map(|(id, _, _)| *id).collect();
    assert_eq!(
        ids,
        (1..=ids.len() as u64).collect::<Vec<_>>(),
        "dense from 1"
    );
    assert_eq!(seen.last().unwrap().1, "done");
    for kind in ["state", "metric"] {
        assert!(
            seen.iter().any(|(_, event, _)| event == kind),
            "no {kind} event"
        );
    }
    for (id, kind, data) in &seen {
        assert_eq!(
            (&data["seq"], &data["type"], &data["run_id"]),
            (&json!(id), &json!(kind), &json!(run))
        );
        assert!(
            data["ts"].as_str().unwrap().ends_with('Z') && data.get("step").is_some(),
            "{data}"
        );
    }

    // A watcher that comes back sees exactly what it has not seen; one that saw everything is told to stay away.
    for cut in [1, ids.len() as u64 / 2, ids.len() as u64 - 1] {
        let rest = frames(&stream(&app, &run, Some(cut)).await);
        assert_eq!(rest, seen[cut as usize..], "after {cut}");
    }
    assert_eq!(stream(&app, &run, Some(ids.len() as u64)).await.status, 204);
    assert_eq!(stream(&app, &run, Some(u64::MAX)).await.status, 204);
}

#[tokio::test]
async fn pages_show_the_events_of_the_stream() {
    let app = TestApp::start().await;
    let run = app.model("admin", "paged").await.id.to_string();
    let streamed: Vec<Value> = frames(&stream(&app, &run, None).await)
        .into_iter()
        .map(|(_, _, data)| data)
        .collect();
    let (mut paged, mut path) = (Vec::new(), format!("/v1/runs/{run}/events?limit=2"));
    loop {
        let page = app.get(&path).await.ok(200);
        paged.extend(page["data"].as_array().unwrap().clone());
        if page["has_more"] == json!(false) {
            break;
        }
        path = format!(
            "/v1/runs/{run}/events?limit=2&after={}",
            page["last_id"].as_str().unwrap()
        );
    }
    assert_eq!(paged, streamed);
    let states = app
        .get(&format!("/v1/runs/{run}/events?type=state&limit=100"))
        .await
        .ok(200);
    assert!(
        states["data"]
            .as_array()
            .unwrap()
            .iter()
            .all(|event| event["type"] == "state")
    );
    app.get(&format!("/v1/runs/{run}/events?type=nonsense"))
        .await
        .problem(400, "invalid_query");
}

#[tokio::test]
async fn many_watchers_of_two_runs_miss_nothing() {
    let app = TestApp::with(|config| config.rates.sse_per_token = 400).await;
    let dataset = app
        .dataset("admin", "iris", include_bytes!("../../examples/iris.csv"))
        .await;
    let mut runs = Vec::new();
    for name in ["one", "two"] {
        runs.push(
            app.submit("admin", iris_spec(dataset, name))
                .await
                .id
                .to_string(),
        );
    }
    let watchers = (0..200).map(|i| stream(&app, &runs[i % 2], None));
    for answer in futures_util::future::join_all(watchers).await {
        let ids: Vec<u64> = frames(&answer).iter().map(|(id, _, _)| *id).collect();
        assert_eq!(ids, (1..=ids.len() as u64).collect::<Vec<_>>());
        assert_eq!(frames(&answer).last().unwrap().1, "done");
    }
}

#[tokio::test]
async fn streams_have_a_limit_and_an_owner() {
    let app = TestApp::with(|config| config.rates.sse_per_token = 0).await;
    let run = app.model("admin", "mine").await.id.to_string();
    stream(&app, &run, None)
        .await
        .problem(429, "too_many_streams");
    let stranger = app.token("stranger", "runs").await;
    for part in ["events", "metrics", "checkpoints", "logs", "diagnoses"] {
        let path = format!("/v1/runs/{run}/{part}");
        app.ask(Method::GET, &path)
            .token(&stranger)
            .send()
            .await
            .problem(404, "not_found");
    }
}
