use std::path::Path;
use std::process::{Command, Output};

use axum::http::Method;
use descent::clock::Entropy;
use descent::config;
use descent::store::Store;
use descent::tokens::{self, NewToken};
use serde_json::json;

use crate::app::TestApp;

#[tokio::test]
async fn a_token_is_shown_once_works_at_once_and_ends_with_its_revocation() {
    let app = TestApp::idle(|_| {}).await;
    let answer = app
        .post(
            "/v1/tokens",
            &json!({"name": "notebook", "scopes": ["runs", "datasets:read"], "owner": "alice"}),
        )
        .await;
    let made = answer.ok(201);
    assert_eq!(answer.header("cache-control"), "no-store");
    let (id, text) = (
        made["id"].as_str().unwrap(),
        made["token"].as_str().unwrap(),
    );
    assert_eq!(answer.header("location"), format!("/v1/tokens/{id}"));
    assert_eq!(
        (&made["owner"], &made["scopes"]),
        (&json!("alice"), &json!(["datasets:read", "runs:write"]))
    );

    let list = app.get("/v1/tokens").await;
    assert!(
        list.text().contains(id) && !list.text().contains(text),
        "the text is shown in a list"
    );
    assert_eq!(
        app.get(&format!("/v1/tokens/{id}"))
            .await
            .ok(200)
            .get("token"),
        None
    );

    let usage = || app.ask(Method::GET, "/v1/usage").token(text).send();
    assert_eq!(usage().await.ok(200)["owner"], "alice");
    let path = format!("/v1/tokens/{id}");
    let revoked = app.ask(Method::DELETE, &path).send().await;
    assert_eq!(revoked.status, 204);
    usage().await.problem(401, "invalid_token");
    assert!(!app.get("/v1/tokens").await.text().contains(id));
    app.get(&path).await.problem(404, "not_found");
    app.ask(Method::DELETE, &path)
        .send()
        .await
        .problem(404, "not_found");
    app.ask(Method::DELETE, "/v1/tokens/0123456789abcdef")
        .send()
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn a_token_ends_by_itself() {
    let app = TestApp::idle(|_| {}).await;
    let made = app.post("/v1/tokens", &json!({"name": "short", "scopes": ["runs"], "expires_at": "2027-01-15T09:00:00+00:00"})).await.ok(201);
    assert_eq!(made["expires_at"], "2027-01-15T09:00:00.000Z");
    let usage = || {
        app.ask(Method::GET, "/v1/usage")
            .token(made["token"].as_str().unwrap())
            .send()
    };
    usage().await.ok(200);
    app.pass_ms(60 * 60 * 1000);
    usage().await.problem(401, "invalid_token");
}

#[tokio::test]
async fn what_is_wrong_with_a_wish_is_said_all_at_once() {
    let app = TestApp::idle(|_| {}).await;
    let wish =
        json!({"name": "", "scopes": [], "owner": "a/b", "expires_at": "2020-01-01T00:00:00Z"});
    let problem = app
        .post("/v1/tokens", &wish)
        .await
        .problem(422, "invalid_body");
    let pointers: Vec<&str> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(pointers, ["/name", "/owner", "/scopes", "/expires_at"]);
    let problem = app
        .post("/v1/tokens", &json!({"name": "x", "scopes": ["runs:own"]}))
        .await
        .problem(422, "invalid_body");
    assert_eq!(problem["errors"][0]["pointer"], "/scopes/0");
}

#[tokio::test]
async fn nobody_hands_on_more_than_they_hold() {
    let app = TestApp::idle(|_| {}).await;
    let alice = app.token("alice", "admin").await;
    let make = |wish: serde_json::Value| {
        app.ask(Method::POST, "/v1/tokens")
            .token(&alice)
            .json(&wish)
            .send()
    };
    let own = make(json!({"name": "x", "scopes": ["admin:read"]}))
        .await
        .ok(201);
    make(json!({"name": "x", "scopes": ["runs"], "owner": "bob"}))
        .await
        .problem(403, "owner_not_yours");

    // Reading the list is a right of its own, and gives none to make tokens.
    let reader = own["token"].as_str().unwrap();
    app.ask(Method::GET, "/v1/tokens")
        .token(reader)
        .send()
        .await
        .ok(200);
    let wish = json!({"name": "x", "scopes": ["runs"]});
    app.ask(Method::POST, "/v1/tokens")
        .token(reader)
        .json(&wish)
        .send()
        .await
        .problem(403, "insufficient_scope");

    // Alice's admin neither sees nor revokes what is not Alice's.
    let list = app
        .ask(Method::GET, "/v1/tokens")
        .token(&alice)
        .send()
        .await
        .ok(200);
    assert!(
        list["data"]
            .as_array()
            .unwrap()
            .iter()
            .all(|token| token["owner"] == "alice")
    );
    let all = app.get("/v1/tokens").await.ok(200);
    let admins = all["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|token| token["owner"] == "admin")
        .unwrap();
    let path = format!("/v1/tokens/{}", admins["id"].as_str().unwrap());
    for method in [Method::GET, Method::DELETE] {
        app.ask(method, &path)
            .token(&alice)
            .send()
            .await
            .problem(404, "not_found");
    }
}

#[tokio::test]
async fn tokens_come_in_pages() {
    let app = TestApp::idle(|_| {}).await;
    for _ in 0..4 {
        app.token("alice", "runs").await;
    }
    let (mut seen, mut path) = (Vec::new(), "/v1/tokens?limit=2".to_owned());
    loop {
        let answer = app.get(&path).await;
        let page = answer.ok(200);
        seen.extend(
            page["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|token| token["id"].as_str().unwrap().to_owned()),
        );
        if page["has_more"] == false {
            assert_eq!(answer.header("link"), "");
            break;
        }
        let link = answer.header("link");
        path = link
            .trim_start_matches('<')
            .split('>')
            .next()
            .unwrap()
            .to_owned();
        assert!(link.ends_with("rel=\"next\""), "{link}");
    }
    assert_eq!(seen.len(), 5);
    assert!(seen.is_sorted());
}

#[tokio::test]
async fn nobody_locks_themselves_out_by_a_slip() {
    let app = TestApp::idle(|_| {}).await;
    let own = app.admin.split('_').nth(1).unwrap();
    app.ask(Method::DELETE, &format!("/v1/tokens/{own}"))
        .send()
        .await
        .problem(409, "own_token");
    app.get("/v1/usage").await.ok(200);
}

#[tokio::test]
async fn a_token_that_the_command_line_makes_or_revokes_is_noticed() {
    let app = TestApp::idle(|_| {}).await;
    app.api.look_for_tokens().await.unwrap();
    // Past the API, as another process would.
    let wanted = NewToken {
        owner: "alice".into(),
        name: "cli".into(),
        scopes: "runs".parse().unwrap(),
        expires_at_ms: None,
    };
    let (token, text) = app.app.create_token(wanted, "command line").await.unwrap();
    let usage = || app.ask(Method::GET, "/v1/usage").token(&text).send();
    usage().await.ok(200);
    app.app
        .revoke_token(&token.id, "command line")
        .await
        .unwrap();
    app.api.look_for_tokens().await.unwrap();
    usage().await.problem(401, "invalid_token");
}

/// As `descent token list | head -1`, whose reader may be gone before the first line. A token without a reader is lost, and is named.
#[test]
fn a_list_that_nobody_reads_to_its_end_ends_quietly_and_a_token_that_nobody_reads_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().to_str().unwrap();
    let unread = |words: &[&str]| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = token(words).stdout(writer).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        (ended.status.success(), said)
    };
    let (done, said) = unread(&["create", "--data-dir", data_dir]);
    assert!(!done, "{said}");
    let (_, command) = said.split_once("descent token ").expect("what to do");
    let command = command.split_once('`').expect("the end of the command").0;
    let words: Vec<&str> = command.split(' ').collect();
    assert_eq!(unread(&words), (true, String::new()), "{command}");
    let (done, said) = unread(&words);
    assert!(!done && said.contains("no token"), "{said}");
    let listed = unread(&["list", "--data-dir", data_dir]);
    assert_eq!(listed, (true, String::new()));
}

/// `descent token` with these words.
fn token(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_descent"));
    command.arg("token").args(words);
    command
}

/// What it says on a data folder.
fn token_command(folder: &Path, words: &[&str]) -> Output {
    let mut command = token(words);
    command.arg("--data-dir").arg(folder).output().unwrap()
}

/// A record with one token, made past every door; answers its key id.
async fn on_record(folder: &Path, wanted: NewToken) -> String {
    let store = Store::open(folder, &config::Store::default())
        .await
        .unwrap();
    let made = tokens::create(&store, &Entropy::seeded(3), 1_000, wanted, "test").await;
    store.close().await;
    made.unwrap().0.id
}

#[test]
fn the_command_line_refuses_what_the_api_refuses() {
    let above = tempfile::tempdir().unwrap();
    let folder = above.path().join("data");
    for (option, value) in [
        ("--name", ""),
        ("--name", "x\nFORGED\u{1b}[31m"),
        ("--owner", ""),
        ("--owner", "a b"),
        ("--owner", "a/b"),
        ("--owner", "a\nb"),
        ("--scopes", ""),
        ("--expires-days", "0"),
    ] {
        let refused = token_command(&folder, &["create", option, value]);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success(), "{option} {value:?}");
        assert!(said.contains(&format!("{option}: a")), "{said}");
        assert!(refused.stdout.is_empty() && !folder.exists());
    }
    let made = token_command(&folder, &["create", "--expires-days", "1"]);
    assert!(made.status.success());
    assert!(made.stdout.starts_with(b"dsc_"));
}

#[tokio::test]
async fn a_list_says_which_tokens_are_over() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = NewToken {
        owner: "alice".into(),
        name: "short".into(),
        scopes: "runs".parse().unwrap(),
        expires_at_ms: Some(2_000),
    };
    let id = on_record(folder.path(), wanted).await;
    let listed = token_command(folder.path(), &["list"]);
    let said = String::from_utf8(listed.stdout).unwrap();
    assert_eq!(said, format!("{id}\talice\truns:write\tshort\texpired\n"));
}

#[tokio::test]
async fn names_have_no_control_characters() {
    let app = TestApp::idle(|_| {}).await;
    for name in ["x\nFORGED\u{1b}[31m", "\t", "a\u{85}"] {
        let wish = json!({"name": name, "scopes": ["runs"]});
        let answer = app.post("/v1/tokens", &wish).await;
        let problem = answer.problem(422, "invalid_body");
        let error = &problem["errors"][0];
        assert_eq!(
            (&error["pointer"], &error["code"]),
            (&json!("/name"), &json!("invalid_name"))
        );
    }
    let wish = json!({"name": "노트북 \"1\"", "scopes": ["runs"]});
    app.post("/v1/tokens", &wish).await.ok(201);
}

#[tokio::test]
async fn an_old_name_forges_no_line_of_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = NewToken {
        owner: "a\nb".into(),
        name: "x\nFORGED\t\u{1b}[31m é \"".into(),
        scopes: "runs".parse().unwrap(),
        expires_at_ms: None,
    };
    let id = on_record(folder.path(), wanted).await;
    let listed = token_command(folder.path(), &["list"]);
    let said = String::from_utf8(listed.stdout).unwrap();
    let expected = format!("{id}\ta\\nb\truns:write\tx\\nFORGED\\t\\u{{1b}}[31m é \"\tin force\n");
    assert_eq!(said, expected);
}

#[test]
fn a_folder_without_a_record_is_told_and_not_made() {
    let above = tempfile::tempdir().unwrap();
    let folder = above.path().join("typo");
    for words in [&["list"][..], &["revoke", "0123456789abcdef"]] {
        let refused = token_command(&folder, words);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(
            !refused.status.success() && said.contains("holds no database"),
            "{said}"
        );
        assert!(!folder.exists());
        let empty = token_command(above.path(), words);
        assert!(!empty.status.success());
        assert_eq!(above.path().read_dir().unwrap().count(), 0);
    }
    // A token may be made before the first start.
    assert!(token_command(&folder, &["create"]).status.success());
    assert!(token_command(&folder, &["list"]).status.success());
}
