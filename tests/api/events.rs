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

/// Every event of the caller, oldest first, from the pages.
async fn all_pages(app: &TestApp, token: &str) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), "0".to_owned());
    loop {
        let path = format!("/v1/events?order=asc&limit=100&after={after}");
        let page = app
            .ask(Method::GET, &path)
            .token(token)
            .send()
            .await
            .ok(200);
        all.extend(page["data"].as_array().unwrap().clone());
        if page["has_more"] == json!(false) {
            return all;
        }
        after = page["last_id"].as_str().unwrap().to_owned();
    }
}

fn id(event: &Value) -> u64 {
    event["id"].as_u64().unwrap()
}

#[tokio::test]
async fn one_stream_has_the_events_of_all_runs_and_goes_on_where_it_was_cut() {
    let mut app = TestApp::start().await;
    let mut live = app.ask(Method::GET, "/v1/events").open().await;
    let (begin, kind, data) = live.next().await;
    assert_eq!((begin, kind.as_str(), &data["id"]), (0, "start", &json!(0)));
    let dataset = app
        .dataset("admin", "iris", include_bytes!("../../examples/iris.csv"))
        .await;
    let mut runs = Vec::new();
    for name in ["one", "two", "three"] {
        runs.push(
            app.submit("admin", iris_spec(dataset, name))
                .await
                .id
                .to_string(),
        );
    }
    let (mut seen, mut n_done) = (Vec::new(), 0);
    while n_done < runs.len() {
        let (id, kind, data) = live.next().await;
        assert_eq!((&data["id"], &data["type"]), (&json!(id), &json!(kind)));
        n_done += usize::from(kind == "done");
        seen.push(data);
    }
    assert!(seen.iter().map(id).is_sorted_by(|a, b| a < b));
    // The same as each run's own stream says, but for the number.
    for run in &runs {
        let own = frames(&stream(&app, run, None).await);
        let own: Vec<Value> = own.into_iter().map(|(_, _, data)| data).collect();
        let of_all = seen.iter().filter(|event| event["run_id"] == json!(run));
        let of_all = of_all.cloned().map(|mut event| {
            event.as_object_mut().unwrap().remove("id");
            event
        });
        assert_eq!(of_all.collect::<Vec<_>>(), own);
    }
    assert_eq!(all_pages(&app, &app.admin).await, seen);
    let newest = app.get("/v1/events?limit=1").await.ok(200);
    assert_eq!(newest["data"][0], *seen.last().unwrap());
    let states = app.get("/v1/events?type=done&order=asc").await.ok(200);
    assert_eq!(states["data"].as_array().unwrap().len(), runs.len());

    // Cut anywhere, also by a restart of the server.
    app.restart().await;
    for cut in [0, 1, seen.len() / 2, seen.len() - 1] {
        let last_seen = cut.checked_sub(1).map_or(0, |last| id(&seen[last]));
        let mut rest = app
            .ask(Method::GET, "/v1/events")
            .header("last-event-id", &last_seen.to_string())
            .open()
            .await;
        for expected in &seen[cut..] {
            assert_eq!(rest.next().await.2, *expected);
        }
    }
}

#[tokio::test]
async fn the_stream_of_all_runs_is_the_owners_alone() {
    let app = TestApp::start().await;
    let alice = app.token("alice", "runs").await;
    let mut hers = app
        .ask(Method::GET, "/v1/events")
        .token(&alice)
        .open()
        .await;
    hers.next().await;
    app.model("admin", "his").await;
    let own = app.model("alice", "hers").await.id.to_string();
    let mut n_events = 0;
    loop {
        let (_, kind, data) = hers.next().await;
        assert_eq!(data["run_id"], json!(own));
        n_events += 1;
        if kind == "done" {
            break;
        }
    }
    let pages = all_pages(&app, &alice).await;
    assert_eq!(pages.len(), n_events);
    let nobody = app.token("nobody", "runs").await;
    assert_eq!(all_pages(&app, &nobody).await, Vec::<Value>::new());
    let models = app.token("alice", "models").await;
    app.ask(Method::GET, "/v1/events")
        .token(&models)
        .send()
        .await
        .problem(403, "insufficient_scope");

    // It counts among the streams of a token.
    let full = TestApp::idle(|config| config.rates.sse_per_token = 1).await;
    let first = full.ask(Method::GET, "/v1/events").open().await;
    let second = || {
        full.ask(Method::GET, "/v1/events")
            .header("accept", "text/event-stream")
            .send()
    };
    second().await.problem(429, "too_many_streams");
    drop(first);
    let mut third = full.ask(Method::GET, "/v1/events").open().await;
    third.next().await;
}

#[tokio::test]
async fn a_deleted_run_hides_no_later_event() {
    let app = TestApp::start().await;
    let run = app.model("admin", "short").await.id.to_string();
    let last = id(all_pages(&app, &app.admin).await.last().unwrap());
    app.ask(Method::DELETE, &format!("/v1/runs/{run}"))
        .send()
        .await;
    assert_eq!(all_pages(&app, &app.admin).await, Vec::<Value>::new());
    let places = descent::store::events::newest_place(&app.app.store).await;
    assert_eq!(places.unwrap(), 0, "a deleted run leaves no place behind");
    let next = app.model("admin", "next").await.id.to_string();
    let mut rest = app
        .ask(Method::GET, &format!("/v1/events?after={last}"))
        .open()
        .await;
    let (first, kind, data) = rest.next().await;
    assert!(first > last);
    assert_eq!(
        (kind.as_str(), &data["run_id"], &data["seq"]),
        ("state", &json!(next), &json!(1))
    );
    // A number from the future, which nobody was told, hides nothing either.
    let mut future = app
        .ask(Method::GET, &format!("/v1/events?after={}", u64::MAX))
        .open()
        .await;
    let cancelled = app
        .submit(
            "admin",
            iris_spec(
                app.dataset("admin", "i", include_bytes!("../../examples/iris.csv"))
                    .await,
                "x",
            ),
        )
        .await;
    assert_eq!(
        future.next().await.2["run_id"],
        json!(cancelled.id.to_string())
    );
}

/// A reader that stands still while more happens than is kept for it gets every event all the same, with fewer points of metrics.
#[tokio::test]
async fn a_slow_reader_of_all_runs_loses_points_and_no_event() {
    let app = TestApp::with(|config| config.quota.owner_queued_runs = 10_000).await;
    let mut slow = app.ask(Method::GET, "/v1/events").open().await;
    let mut ids = vec![slow.next().await.0];
    let first = app.model("admin", "first").await;
    ids.push(slow.next().await.0); // it has followed, and is now too slow
    let dataset = first.dataset_id;
    let mut spec = iris_spec(dataset, "second");
    spec["training"]["epochs"] = json!(200);
    app.train("admin", spec).await;
    let mut many = Vec::new();
    for seed in 0..150 {
        let mut spec = iris_spec(dataset, "many");
        spec["training"] = json!({"epochs": 1, "seed": seed});
        many.push(app.submit("admin", spec).await.id);
    }
    for run in many {
        let patience = std::time::Duration::from_secs(120);
        app.app.runs.wait("admin", run, patience).await.unwrap();
    }
    let all = all_pages(&app, &app.admin).await;
    assert!(
        all.len() > 600,
        "only {} events: the ring has room for more",
        all.len()
    );
    let mut n_thinned = 0;
    while ids.len() <= all.len() {
        let (id, _, data) = slow.next().await;
        ids.push(id);
        if data["thinned"] == json!(true) {
            let series = data["series"].as_array().unwrap();
            n_thinned += usize::from(
                series
                    .iter()
                    .all(|one| one["steps"].as_array().unwrap().len() <= 5),
            );
        }
    }
    assert_eq!(ids[1..], all.iter().map(id).collect::<Vec<_>>());
    assert!(n_thinned > 0);
}

/// A service whose streams say nothing on their own in the time of a test, so that what ends them is not the heartbeat.
async fn without_heartbeat() -> TestApp {
    TestApp::idle(|config| config.connections.sse_heartbeat_ms = 3_600_000).await
}

#[tokio::test]
async fn streams_end_with_the_token_they_were_opened_with() {
    let app = without_heartbeat().await;
    let dataset = app
        .dataset("alice", "iris", include_bytes!("../../examples/iris.csv"))
        .await;
    let run = app.submit("alice", iris_spec(dataset, "watched")).await.id;
    let alice = app.token("alice", "runs").await;
    let other = app.token("alice", "runs").await;
    let of_run = format!("/v1/runs/{run}/events");
    let mut live = Vec::new();
    for path in ["/v1/events", &of_run] {
        let mut stream = app.ask(Method::GET, path).token(&alice).open().await;
        stream.next().await;
        live.push(stream);
    }
    let mut others = app
        .ask(Method::GET, "/v1/events")
        .token(&other)
        .open()
        .await;
    others.next().await;
    let path = format!("/v1/tokens/{}", alice.split('_').nth(1).unwrap());
    app.ask(Method::DELETE, &path).send().await.ok_empty(204);
    app.submit("alice", iris_spec(dataset, "secret")).await;
    for stream in live {
        assert_eq!(stream.end().await, "");
    }
    // Another token of the same owner hears on.
    assert_eq!(others.next().await.2["type"], "state");
}

#[tokio::test]
async fn streams_end_when_their_token_is_over() {
    let app = without_heartbeat().await;
    let open = async |expires_at: &str| {
        let wish = json!({"name": "short", "scopes": ["runs"], "expires_at": expires_at});
        let made = app.post("/v1/tokens", &wish).await.ok(201);
        let token = made["token"].as_str().unwrap();
        let mut stream = app.ask(Method::GET, "/v1/events").token(token).open().await;
        stream.next().await;
        stream
    };
    let (soon, later) = (
        open("2027-01-15T08:00:00.001Z").await,
        open("2027-01-15T09:00:00Z").await,
    );
    app.pass_ms(1);
    assert_eq!(soon.end().await, "", "without an event to wake it");
    app.pass_ms(3_600_000 - 1);
    let dataset = app
        .dataset("admin", "iris", include_bytes!("../../examples/iris.csv"))
        .await;
    app.submit("admin", iris_spec(dataset, "secret")).await;
    assert_eq!(later.end().await, "");
}
