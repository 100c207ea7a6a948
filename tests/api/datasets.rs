use std::convert::Infallible;
use std::io::Write;

use axum::body::Body;
use axum::http::Method;
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};

const PENGUINS: &[u8] = include_bytes!("../../examples/penguins.csv");

async fn upload(app: &TestApp, query: &str, bytes: impl Into<Body>) -> Answer {
    app.ask(Method::POST, &format!("/v1/datasets{query}"))
        .body("text/csv", bytes)
        .send()
        .await
}

/// A table too large to be stored inside the database.
fn large() -> Vec<u8> {
    let mut table = b"a,b\n".to_vec();
    for i in 0..30_000 {
        writeln!(table, "{i},{}.5", i % 7).unwrap();
    }
    table
}

/// Files below `blobs/`, finished or half written.
fn files(app: &TestApp) -> usize {
    fn count(folder: &std::path::Path) -> usize {
        let entries = std::fs::read_dir(folder).unwrap().flatten();
        entries
            .map(|entry| {
                if entry.path().is_dir() {
                    count(&entry.path())
                } else {
                    1
                }
            })
            .sum()
    }
    count(&app.app.config.server.data_dir.join("blobs"))
}

#[tokio::test]
async fn a_file_is_uploaded_and_looked_at() {
    let app = TestApp::idle(|_| {}).await;
    let answer = upload(&app, "?name=penguins", PENGUINS).await;
    let dataset = answer.ok(201);
    let id = dataset["id"].as_str().unwrap();
    assert_eq!(answer.header("location"), format!("/v1/datasets/{id}"));
    assert_eq!(
        (&dataset["name"], &dataset["n_rows"], &dataset["n_columns"]),
        (&json!("penguins"), &json!(344), &json!(8))
    );
    assert_eq!(dataset["size_bytes"], json!(PENGUINS.len()));
    assert_eq!(
        app.get(&format!("/v1/datasets/{id}")).await.ok(200),
        dataset
    );
    let profile = app.get(&format!("/v1/datasets/{id}/profile")).await.ok(200);
    let sex = &profile["columns"][6];
    assert_eq!(
        (&sex["name"], &sex["n_missing"], &sex["kind"]),
        (&json!("sex"), &json!(11), &json!("categorical"))
    );
    assert!(!sex["why"].as_str().unwrap().is_empty());
    assert_eq!(
        profile["columns"][2]["histogram"]["counts"]
            .as_array()
            .unwrap()
            .len(),
        20
    );
    let rows = app
        .get(&format!("/v1/datasets/{id}/rows?offset=3&limit=1"))
        .await
        .ok(200);
    assert_eq!(
        rows["data"],
        json!([["Adelie", "Torgersen", null, null, null, null, null, "2007"]])
    );
    assert_eq!(
        (&rows["offset"], &rows["has_more"]),
        (&json!(3), &json!(true))
    );
    let end = app
        .get(&format!("/v1/datasets/{id}/rows?offset=344"))
        .await
        .ok(200);
    assert_eq!(
        (&end["data"], &end["has_more"]),
        (&json!([]), &json!(false))
    );
    app.get(&format!("/v1/datasets/{id}/rows?limit=0"))
        .await
        .problem(400, "invalid_query");
}

#[tokio::test]
async fn a_form_with_one_file_is_the_same_upload() {
    let app = TestApp::idle(|_| {}).await;
    let form = |parts: &[(&str, &[u8])]| {
        let mut body = Vec::new();
        for (head, bytes) in parts {
            body.extend_from_slice(format!("--x\r\nContent-Disposition: form-data; {head}\r\nContent-Type: text/csv\r\n\r\n").as_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--x--\r\n");
        app.ask(Method::POST, "/v1/datasets")
            .body("multipart/form-data; boundary=x", body)
    };
    let raw = upload(&app, "", PENGUINS).await.ok(201);
    let dataset = form(&[(
        "name=\"file\"; filename=\"C:\\tables\\penguins.csv\"",
        PENGUINS,
    )])
    .send()
    .await
    .ok(201);
    assert_eq!(
        (&dataset["name"], &dataset["sha256"]),
        (&json!("penguins.csv"), &raw["sha256"])
    );
    form(&[]).send().await.problem(422, "no_file");
    form(&[("name=\"note\"", b"hello")])
        .send()
        .await
        .problem(422, "unknown_part");
    let one: (&str, &[u8]) = ("name=\"file\"; filename=\"a.csv\"", b"a\n1\n2\n");
    form(&[one, one]).send().await.problem(422, "two_files");
    // More than axum would hold: forms are streamed too.
    let table: Vec<u8> = b"a,b\n"
        .iter()
        .chain(b"1,2.5\n".repeat(500_000).iter())
        .copied()
        .collect();
    assert_eq!(
        form(&[("name=\"file\"; filename=\"l.csv\"", &table)])
            .send()
            .await
            .ok(201)["n_rows"],
        500_000
    );
    let broken = app
        .ask(Method::POST, "/v1/datasets")
        .body("multipart/form-data; boundary=x", "--x\r\nnonsense");
    broken.send().await.problem(400, "invalid_form");
}

#[tokio::test]
async fn the_original_bytes_come_back_whole_and_in_parts() {
    let app = TestApp::idle(|_| {}).await;
    for table in [PENGUINS.to_vec(), large()] {
        let dataset = upload(&app, "", table.clone()).await.ok(201);
        let path = format!("/v1/datasets/{}/content", dataset["id"].as_str().unwrap());
        let whole = app.get(&path).await;
        assert!(whole.status == 200 && whole.body == table);
        assert_eq!(
            whole.header("etag"),
            format!("\"{}\"", dataset["sha256"].as_str().unwrap())
        );
        let part = app
            .ask(Method::GET, &path)
            .header("range", "bytes=5-9")
            .send()
            .await;
        assert_eq!((part.status.as_u16(), &part.body[..]), (206, &table[5..10]));
        assert_eq!(
            part.header("content-range"),
            format!("bytes 5-9/{}", table.len())
        );
        let tail = app
            .ask(Method::GET, &path)
            .header("range", "bytes=-3")
            .send()
            .await;
        assert_eq!(&tail.body[..], &table[table.len() - 3..]);
        let beyond = app
            .ask(Method::GET, &path)
            .header("range", "bytes=99999999-")
            .send()
            .await;
        beyond.problem(416, "range_not_satisfiable");
        assert_eq!(
            beyond.header("content-range"),
            format!("bytes */{}", table.len())
        );
        let known = app
            .ask(Method::GET, &path)
            .header("if-none-match", whole.header("etag"))
            .send()
            .await;
        assert!(known.status == 304 && known.body.is_empty());
        let head = app.ask(Method::HEAD, &path).send().await;
        assert_eq!(
            (head.status.as_u16(), head.header("content-length")),
            (200, table.len().to_string().as_str())
        );
    }
}

#[tokio::test]
async fn a_wrong_kind_is_corrected_by_whoever_read_the_latest_state() {
    let app = TestApp::idle(|_| {}).await;
    let id = upload(&app, "", PENGUINS).await.ok(201)["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/v1/datasets/{id}");
    let change = |tag: &str, body: Value| {
        app.ask(Method::PATCH, &path)
            .header("if-match", tag)
            .json(&body)
    };
    app.ask(Method::PATCH, &path)
        .json(&json!({"name": "x"}))
        .send()
        .await
        .problem(428, "if_match_required");
    let tag = app.get(&path).await.header("etag").to_owned();
    let changed = change(&tag, json!({"columns": {"year": "categorical"}}))
        .send()
        .await;
    assert_eq!(changed.ok(200)["columns"][7]["kind"], "categorical");
    change(&tag, json!({"name": "late"}))
        .send()
        .await
        .problem(412, "stale_etag");
    let profile = app.get(&format!("{path}/profile")).await.ok(200);
    assert_eq!(
        profile["columns"][7]["top_values"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    // A second correction keeps the first.
    let second = change(
        changed.header("etag"),
        json!({"columns": {"sex": "text"}, "name": "corrected"}),
    )
    .send()
    .await
    .ok(200);
    assert_eq!(
        (
            &second["name"],
            &second["columns"][6]["kind"],
            &second["columns"][7]["kind"]
        ),
        (&json!("corrected"), &json!("text"), &json!("categorical"))
    );
    let unknown = change("*", json!({"columns": {"yaer": "integer"}}))
        .send()
        .await
        .problem(422, "unknown_column");
    assert!(
        unknown["detail"].as_str().unwrap().contains("\"year\""),
        "{unknown}"
    );
    assert_eq!(unknown["errors"][0]["pointer"], "/columns/yaer");
    // A cell of a table holds no array, so nothing could be learned from such a column.
    let array = change("*", json!({"columns": {"sex": "text", "year": "array"}}))
        .send()
        .await
        .problem(422, "array_kinds");
    assert_eq!(array["errors"][0]["pointer"], "/columns/year");
    change("*", json!({"columns": {"year": "number"}}))
        .send()
        .await
        .problem(422, "invalid_body");
    change("*", json!({"title": "x"}))
        .send()
        .await
        .problem(422, "invalid_body");
}

#[tokio::test]
async fn a_list_is_stable_while_others_come_and_go() {
    let app = TestApp::idle(|_| {}).await;
    for i in 0..5 {
        upload(&app, &format!("?name=d{i}"), format!("a\n{i}\n7\n"))
            .await
            .ok(201);
    }
    let first = app.get("/v1/datasets?limit=2&order=desc").await;
    let link = first.header("link").to_owned();
    let page = first.ok(200);
    assert_eq!(
        (&page["data"][0]["name"], &page["has_more"]),
        (&json!("d4"), &json!(true))
    );
    upload(&app, "?name=new", "a\n1\n2\n").await.ok(201);
    let gone = page["data"][1]["id"].as_str().unwrap();
    app.ask(Method::DELETE, &format!("/v1/datasets/{gone}"))
        .send()
        .await;
    let next = link.split(['<', '>']).nth(1).unwrap();
    let page = app.get(next).await.ok(200);
    assert_eq!(
        (&page["data"][0]["name"], &page["data"][1]["name"]),
        (&json!("d2"), &json!("d1"))
    );
    assert_eq!(
        app.get("/v1/datasets?name=d0").await.ok(200)["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    for wrong in [
        "?limit=0",
        "?limit=101",
        "?limit=x",
        "?order=up",
        "?limt=3",
        "?limit=1&limit=2",
    ] {
        app.get(&format!("/v1/datasets{wrong}"))
            .await
            .problem(400, "invalid_query");
    }
}

#[tokio::test]
async fn a_dataset_in_use_stays_and_says_by_whom() {
    let app = TestApp::idle(|_| {}).await;
    let dataset = app
        .dataset("admin", "iris", include_bytes!("../../examples/iris.csv"))
        .await;
    let run = app
        .submit("admin", crate::app::iris_spec(dataset, "r"))
        .await;
    let path = format!("/v1/datasets/{dataset}");
    let refused = app
        .ask(Method::DELETE, &path)
        .send()
        .await
        .problem(409, "dataset_in_use");
    assert_eq!(refused["errors"][0]["got"], run.id.to_string());
    app.ask(Method::POST, &format!("/v1/runs/{}/cancel", run.id))
        .send()
        .await
        .ok(202);
    assert_eq!(
        app.ask(Method::DELETE, &format!("/v1/runs/{}", run.id))
            .send()
            .await
            .status,
        204
    );
    assert_eq!(app.ask(Method::DELETE, &path).send().await.status, 204);
    app.get(&path).await.problem(404, "not_found");
    app.ask(Method::DELETE, &path)
        .send()
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn what_is_no_table_is_refused_with_its_place_and_leaves_nothing() {
    let app = TestApp::idle(|_| {}).await;
    let wide = (0..10_001)
        .map(|i| format!("c{i}"))
        .collect::<Vec<_>>()
        .join(",");
    let long = format!("a,b\n1,{}\n", "x".repeat((64 << 10) + 1));
    let cases: [(&str, Vec<u8>); 8] = [
        ("ragged", b"a,b\n1,2\n3\n".to_vec()),
        ("empty", Vec::new()),
        ("header", b"a,b\n".to_vec()),
        ("twice", b"a,a\n1,2\n".to_vec()),
        ("wide", format!("{wide}\n").into_bytes()),
        ("long", long.into_bytes()),
        ("nul", b"a,b\n1,\0\n".to_vec()),
        ("latin", b"a,b\n1,caf\xe9\n".to_vec()),
    ];
    for (what, bytes) in cases {
        let answer = upload(&app, "", bytes).await;
        assert_eq!(answer.status, 422, "{what}: {}", answer.text());
        let problem = answer.json();
        assert!(
            problem["errors"][0]["message"]
                .as_str()
                .is_some_and(|message| !message.is_empty()),
            "{what}"
        );
        if what == "ragged" {
            assert_eq!(problem["errors"][0]["line"], 3, "{problem}");
        }
    }
    assert_eq!(app.get("/v1/datasets").await.ok(200)["data"], json!([]));
    assert_eq!(files(&app), 0);
}

#[tokio::test]
async fn half_an_upload_leaves_nothing_behind() {
    let app = TestApp::idle(|_| {}).await;
    let pieces = large()
        .chunks(64 << 10)
        .map(Bytes::copy_from_slice)
        .collect::<Vec<_>>();
    let mut half: Vec<Result<Bytes, std::io::Error>> = pieces.into_iter().take(3).map(Ok).collect();
    half.push(Err(std::io::Error::other("the client hung up")));
    upload(&app, "", Body::from_stream(stream::iter(half)))
        .await
        .problem(400, "body_incomplete");
    assert_eq!(files(&app), 0);
    assert_eq!(app.get("/v1/datasets").await.ok(200)["data"], json!([]));
}

#[tokio::test]
async fn an_upload_is_counted_before_and_while_it_comes() {
    let app = TestApp::idle(|config| config.bodies.upload_bytes = 1000).await;
    // Declared: refused before a byte is read.
    let endless = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(b"1,2\n")));
    let declared = app
        .ask(Method::POST, "/v1/datasets")
        .body("text/csv", Body::from_stream(endless))
        .header("content-length", "1001");
    let problem = declared.send().await.problem(413, "too_large");
    assert_eq!(problem["errors"][0]["allowed"], json!({"max_bytes": 1000}));
    // Not declared: refused when the limit is passed.
    let much = stream::iter((0..400).map(|_| Ok::<_, Infallible>(Bytes::from_static(b"1,2\n"))));
    upload(&app, "", Body::from_stream(much))
        .await
        .problem(413, "too_large");
    assert_eq!(files(&app), 0);
    app.ask(Method::POST, "/v1/datasets")
        .body("application/json", "{}")
        .send()
        .await
        .problem(415, "unsupported_media_type");
    let quota = TestApp::idle(|config| config.quota.owner_bytes = 10).await;
    upload(&quota, "", "a,b\n1,2\n3,4\n5,6\n")
        .await
        .problem(507, "quota_exceeded");
}

#[tokio::test]
async fn the_same_key_uploads_once() {
    let app = TestApp::idle(|_| {}).await;
    let send = |bytes: &'static [u8]| {
        app.ask(Method::POST, "/v1/datasets?name=p")
            .header("idempotency-key", "k1")
            .body("text/csv", bytes)
            .send()
    };
    let first = send(PENGUINS).await;
    let again = send(PENGUINS).await;
    assert_eq!((first.status, &first.body), (again.status, &again.body));
    assert_eq!(
        (
            first.header("idempotency-replayed"),
            again.header("idempotency-replayed")
        ),
        ("", "true")
    );
    assert_eq!(first.header("location"), again.header("location"));
    send(b"a,b\n1,2\n3,4\n")
        .await
        .problem(422, "idempotency_key_reused");
    assert_eq!(
        app.get("/v1/datasets").await.ok(200)["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn korean_names_go_in_and_come_out() {
    let app = TestApp::idle(|_| {}).await;
    let dataset = upload(
        &app,
        "?name=%EC%B0%A8",
        "차종,색상\n소나타,흰색\n그랜저,검정\n소나타,검정\n",
    )
    .await
    .ok(201);
    assert_eq!(
        (&dataset["name"], &dataset["columns"][0]["name"]),
        (&json!("차"), &json!("차종"))
    );
    let rows = app
        .get(&format!(
            "/v1/datasets/{}/rows?limit=1",
            dataset["id"].as_str().unwrap()
        ))
        .await
        .ok(200);
    assert_eq!(rows["data"], json!([["소나타", "흰색"]]));
}
