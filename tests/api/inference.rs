//! The Open Inference Protocol: what rows get, tensors get; and whatever a body claims, it is refused in the protocol's own form.
//! The client of Triton speaks to a real server in tests/exports.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};

const INFER: &str = "/v2/models/iris/infer";

/// Rows of the training file.
const ROWS: [[f64; 4]; 3] = [
    [5.1, 3.5, 1.4, 0.2],
    [6.1, 2.8, 4.0, 1.3],
    [6.9, 3.1, 5.1, 2.3],
];

/// A body without a content type, as the protocol's clients send it.
async fn send(
    app: &TestApp,
    path: &str,
    headers: &[(&'static str, &str)],
    body: Vec<u8>,
) -> Answer {
    let mut ask = app.ask(Method::POST, path).bytes(body);
    for (name, value) in headers {
        ask = ask.header(name, value);
    }
    ask.send().await
}

async fn infer(app: &TestApp, document: &Value) -> Answer {
    send(app, INFER, &[], document.to_string().into_bytes()).await
}

/// Checks that it is an error of this status in the protocol's form, and answers the sentence.
#[track_caller]
fn refusal(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/json");
    let document = answer.json();
    let fields = document.as_object().unwrap();
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["error"]);
    fields["error"].as_str().unwrap().to_owned()
}

fn features(data: &Value) -> Value {
    json!({"inputs": [{"name": "features", "datatype": "FP64", "shape": [3, 4], "data": data}]})
}

/// Labels and probabilities of rows.
async fn expected(app: &TestApp, model: &str, rows: &Value) -> (Value, Value) {
    let path = format!("/v1/models/{model}/predict");
    let answer = app.post(&path, &json!({"rows": rows})).await.ok(200);
    let predictions = answer["predictions"].as_array().unwrap();
    let labels = predictions.iter().map(|one| one["label"].clone());
    let probabilities = predictions
        .iter()
        .flat_map(|one| one["probabilities"].as_object().unwrap().values().cloned());
    (labels.collect(), probabilities.collect())
}

/// The data of an output.
fn data<'a>(answer: &'a Value, name: &str) -> &'a Value {
    let outputs = answer["outputs"].as_array().unwrap();
    &outputs
        .iter()
        .find(|output| output["name"] == name)
        .unwrap()["data"]
}

#[tokio::test]
async fn tensors_get_what_rows_get() {
    let app = TestApp::start().await;
    app.model("admin", "iris").await;
    let (labels, probabilities) = expected(&app, "iris", &json!(ROWS)).await;

    let flat: Value = ROWS.iter().flatten().copied().map(Value::from).collect();
    let mut document = features(&flat);
    document["id"] = json!("r-7");
    document["model_name"] = json!("kserve adds this");
    document["parameters"] = json!({"timeout": 3, "unknown": "x"});
    let whole = infer(&app, &document).await;
    assert_eq!(whole.header("content-type"), "application/json");
    assert_eq!(whole.header("inference-header-content-length"), "");
    assert!(whole.header("ratelimit").starts_with("\"predict\";r="));
    let whole = whole.ok(200);
    assert_eq!(
        (&whole["model_name"], &whole["model_version"], &whole["id"]),
        (&json!("iris"), &json!("1"), &json!("r-7"))
    );
    assert_eq!(whole["outputs"][0]["shape"], json!([3]));
    assert_eq!(whole["outputs"][1]["shape"], json!([3, 3]));
    assert_eq!(data(&whole, "label"), &labels);
    assert_eq!(data(&whole, "probabilities"), &probabilities);

    // In lists of lists, by column, by version, by alias.
    let nested = infer(&app, &features(&json!(ROWS))).await.ok(200);
    assert_eq!(nested["outputs"], whole["outputs"]);
    assert_eq!(nested.get("id"), None);
    let names = [
        "sepal length (cm)",
        "sepal width (cm)",
        "petal length (cm)",
        "petal width (cm)",
    ];
    let column = |(idx, name): (usize, &&str)| {
        let data: Vec<f64> = ROWS.iter().map(|row| row[idx]).collect();
        let shape = if idx == 0 { json!([3]) } else { json!([3, 1]) };
        json!({"name": name, "datatype": "FP32", "shape": shape, "data": data})
    };
    let columns: Vec<Value> = names.iter().enumerate().rev().map(column).collect();
    let by_column = infer(&app, &json!({"inputs": columns})).await.ok(200);
    assert_eq!(by_column["outputs"], whole["outputs"]);
    for path in [
        "/v2/models/iris/versions/1/infer",
        "/v2/models/iris@1/infer",
    ] {
        let body = features(&json!(ROWS)).to_string().into_bytes();
        assert_eq!(
            send(&app, path, &[], body).await.ok(200)["outputs"],
            whole["outputs"]
        );
    }

    // Only what is asked for, in that order.
    let mut document = features(&json!(ROWS));
    document["outputs"] = json!([{"name": "probabilities"}]);
    let some = infer(&app, &document).await.ok(200);
    assert_eq!(some["outputs"], json!([whole["outputs"][1]]));

    // Nothing is a batch too.
    let none =
        json!({"inputs": [{"name": "features", "datatype": "FP32", "shape": [0, 4], "data": []}]});
    let none = infer(&app, &none).await.ok(200);
    assert_eq!(none["outputs"][1]["shape"], json!([0, 3]));
}

#[tokio::test]
async fn texts_missing_values_and_unknown_ones_are_those_of_rows() {
    let app = TestApp::start().await;
    let csv = include_bytes!("../../examples/penguins.csv");
    let dataset = app.dataset("admin", "penguins", csv).await;
    let spec = json!({
        "name": "penguins", "dataset": dataset.to_string(),
        "task": {"kind": "classification", "target": "species", "features": {"include": ["island", "bill_length_mm", "sex"]}},
        "training": {"epochs": 2, "seed": 1},
    });
    app.train("admin", spec).await;
    let rows = json!([
        {"island": "Dream", "bill_length_mm": 40.5, "sex": "male"},
        {"island": null, "bill_length_mm": null, "sex": ""},
        {"island": "Atlantis", "bill_length_mm": 1e6, "sex": "NA"},
    ]);
    let (labels, probabilities) = expected(&app, "penguins", &rows).await;
    let document = json!({"inputs": [
        {"name": "sex", "datatype": "BYTES", "shape": [3], "data": ["male", "", "NA"]},
        {"name": "island", "datatype": "BYTES", "shape": [3, 1], "data": [["Dream"], [null], ["Atlantis"]]},
        {"name": "bill_length_mm", "datatype": "FP32", "shape": [3], "data": [40.5, null, 1e6]},
    ]});
    let body = document.to_string().into_bytes();
    let answer = send(&app, "/v2/models/penguins/infer", &[], body)
        .await
        .ok(200);
    assert_eq!(data(&answer, "label"), &labels);
    assert_eq!(data(&answer, "probabilities"), &probabilities);

    let about = app.get("/v2/models/penguins").await.ok(200);
    assert_eq!(
        about["inputs"],
        json!([
            {"name": "island", "datatype": "BYTES", "shape": [-1]},
            {"name": "bill_length_mm", "datatype": "FP32", "shape": [-1]},
            {"name": "sex", "datatype": "BYTES", "shape": [-1]},
        ])
    );
    assert_eq!(about["versions"], json!(["1"]));
}

/// A JSON part with the bytes of its tensors behind it.
fn with_bytes(document: &Value, bytes: &[u8]) -> (String, Vec<u8>) {
    let json = document.to_string();
    (json.len().to_string(), [json.as_bytes(), bytes].concat())
}

#[tokio::test]
async fn tensors_travel_as_bytes_packed_or_not() {
    let app = TestApp::start().await;
    app.model("admin", "iris").await;
    let (labels, probabilities) = expected(&app, "iris", &json!(ROWS)).await;
    let raw: Vec<u8> = ROWS
        .iter()
        .flatten()
        .flat_map(|x| x.to_le_bytes())
        .collect();
    let document = json!({
        "inputs": [{"name": "features", "datatype": "FP64", "shape": [3, 4], "parameters": {"binary_data_size": 96}}],
        "outputs": [{"name": "probabilities", "parameters": {"binary_data": true}}, {"name": "label", "parameters": {"binary_data": true}}],
    });
    let (length, body) = with_bytes(&document, &raw);
    let answer = send(
        &app,
        INFER,
        &[("inference-header-content-length", &length)],
        body.clone(),
    )
    .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    let json_bytes: usize = answer
        .header("inference-header-content-length")
        .parse()
        .unwrap();
    let (head, bytes) = answer.body.split_at(json_bytes);
    let head: Value = serde_json::from_slice(head).unwrap();
    assert_eq!(head["outputs"][0]["parameters"]["binary_data_size"], 36);
    assert_eq!(head["outputs"][0].get("data"), None);
    let (numbers, texts) = bytes.split_at(36);
    let numbers: Vec<f32> = numbers
        .chunks_exact(4)
        .map(|number| f32::from_le_bytes(number.try_into().unwrap()))
        .collect();
    let wanted = probabilities.as_array().unwrap().iter();
    let wanted: Vec<f32> = wanted
        .map(|number| number.as_f64().unwrap() as f32)
        .collect();
    assert_eq!(numbers, wanted);
    let written: Vec<u8> = labels
        .as_array()
        .unwrap()
        .iter()
        .map(|label| label.as_str().unwrap())
        .flat_map(|label| [&(label.len() as u32).to_le_bytes()[..], label.as_bytes()].concat())
        .collect();
    assert_eq!(texts, written);

    // Packed, the length is still that of the JSON before it was packed; the answer is packed only when that is asked for.
    let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packer, &body).unwrap();
    let headers = [
        ("inference-header-content-length", &*length),
        ("content-encoding", "deflate"),
        ("accept-encoding", "gzip"),
    ];
    let packed = send(&app, INFER, &headers, packer.finish().unwrap()).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    let mut unpacked = Vec::new();
    let mut reader = flate2::read::GzDecoder::new(&packed.body[..]);
    std::io::Read::read_to_end(&mut reader, &mut unpacked).unwrap();
    assert_eq!(unpacked, answer.body);
    assert_eq!(
        packed.header("inference-header-content-length"),
        json_bytes.to_string()
    );
}

#[tokio::test]
async fn whatever_a_body_claims_is_checked_before_memory_is_taken() {
    let app = TestApp::start().await;
    app.model("admin", "iris").await;
    let input = |changes: Value| {
        let mut input =
            json!({"name": "features", "datatype": "FP32", "shape": [1, 4], "data": [1, 2, 3, 4]});
        for (key, value) in changes.as_object().unwrap() {
            input[key] = value.clone();
        }
        json!({"inputs": [input]}).to_string()
    };
    let bytes = |size: u64, shape: Value, datatype: &str| {
        let input = json!({"name": "features", "datatype": datatype, "shape": shape, "parameters": {"binary_data_size": size}});
        json!({"inputs": [input]}).to_string()
    };
    let most = u64::MAX;
    let cases = [
        (String::new(), "EOF"),
        ("{".to_owned(), "EOF"),
        ("[]".to_owned(), "inference request"),
        (
            r#"{"inputs": [], "inputs": []}"#.to_owned(),
            "duplicate field",
        ),
        (json!({"inputs": []}).to_string(), "features"),
        (json!({"inputs": 3}).to_string(), "expected a sequence"),
        (
            input(json!({"data": "NaN"})).replace("\"NaN\"", "[NaN, 1, 2, 3]"),
            "expected value",
        ),
        (input(json!({"shape": [most, most]})), "too many elements"),
        (
            input(json!({"shape": [4_611_686_018_427_387_904_u64, 4]})),
            "too many elements",
        ),
        (
            input(json!({"shape": [1_000_000_000_000_u64, 4]})),
            "data has 4",
        ),
        (input(json!({"shape": [1, 1, 1, 1, 4]})), "dimensions"),
        (input(json!({"shape": []})), "dimensions"),
        (input(json!({"shape": [-1, 4]})), "invalid value"),
        (input(json!({"shape": [4]})), "[-1, 4]"),
        (input(json!({"shape": [2, 2]})), "[-1, 4]"),
        (input(json!({"data": [1, 2, 3]})), "data has 3"),
        (input(json!({"data": [1, 2, 3, 4, 5]})), "data has more"),
        (
            input(json!({"data": [[1, 2], [3, 4]]})),
            "a list has 2 elements",
        ),
        (input(json!({"data": [1, [2, 3, 4]]})), "neither one list"),
        (input(json!({"data": [[[1, 2, 3, 4]]]})), "dimensions"),
        (input(json!({"data": 1})), "a list is needed"),
        (input(json!({"data": [{"a": 1}, 2, 3, 4]})), "an object"),
        (input(json!({"data": ["1", 2, 3, 4]})), "a text"),
        (input(json!({"data": [true, 2, 3, 4]})), "a truth value"),
        (
            input(json!({"data": [null, 2, 3, 4]})).replace("null", "1e400"),
            "out of range",
        ),
        (
            input(json!({"datatype": "INT8", "data": [1000, 2, 3, 4]})),
            "no INT8",
        ),
        (input(json!({"datatype": "FP16"})), "binary"),
        (input(json!({"datatype": "FLOAT"})), "FP32"),
        (input(json!({"name": "other"})), "features"),
        (
            input(json!({"parameters": {"binary_data_size": 16}})),
            "both",
        ),
        (input(json!({"data": null})), "neither"),
        (bytes(16, json!([1, 4]), "FP32"), "0 bytes are left"),
        (bytes(most, json!([1, 4]), "FP32"), "0 bytes are left"),
        (bytes(0, json!([most / 2, 4]), "FP64"), "too many elements"),
        (
            bytes(0, json!([most / 8, 1]), "FP64"),
            "elements of 8 bytes",
        ),
        (bytes(0, json!([1_000_000_000, 4]), "BYTES"), "do not hold"),
    ];
    for (body, said) in cases {
        let answer = send(&app, INFER, &[], body.clone().into_bytes()).await;
        let error = refusal(&answer, 400);
        assert!(error.contains(said), "{body}\n{error}");
    }

    // Bytes behind the JSON that are too many, too few, or no texts.
    let texts = |shape: Value, bytes: &[u8]| {
        let input = json!({"name": "features", "datatype": "BYTES", "shape": shape, "parameters": {"binary_data_size": bytes.len()}});
        with_bytes(&json!({"inputs": [input]}), bytes)
    };
    for ((length, body), said) in [
        (
            with_bytes(&features(&json!(ROWS)), b"more"),
            "belong to no input",
        ),
        (texts(json!([1, 4]), &[0; 12]), "do not hold"),
        (texts(json!([1, 4]), &[0; 20]), "4 bytes are left behind"),
        (texts(json!([1, 4]), &[255; 16]), "4294967295 bytes"),
        (texts(json!([1, 1]), b"\x01\0\0\0\xff"), "UTF-8"),
        (
            ("999999".to_owned(), b"{}".to_vec()),
            "Inference-Header-Content-Length",
        ),
        (
            (u64::MAX.to_string(), b"{}".to_vec()),
            "Inference-Header-Content-Length",
        ),
        (("minus".to_owned(), b"{}".to_vec()), "cannot be read"),
    ] {
        let answer = send(
            &app,
            INFER,
            &[("inference-header-content-length", &length)],
            body,
        )
        .await;
        let error = refusal(&answer, 400);
        assert!(error.contains(said), "{said}\n{error}");
    }
    for (coding, said) in [
        ("gzip", "not what Content-Encoding says"),
        ("br", "gzip, deflate"),
    ] {
        let answer = send(&app, INFER, &[("content-encoding", coding)], b"{}".to_vec()).await;
        assert!(refusal(&answer, 400).contains(said), "{}", answer.text());
    }
    let bomb = {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut packer, &vec![b' '; 9 << 20]).unwrap();
        packer.finish().unwrap()
    };
    assert!(bomb.len() < 20_000);
    refusal(
        &send(&app, INFER, &[("content-encoding", "gzip")], bomb).await,
        413,
    );
    refusal(&send(&app, INFER, &[], vec![b' '; 9 << 20]).await, 413);
    // And it still answers.
    infer(&app, &features(&json!(ROWS))).await.ok(200);
}

#[tokio::test]
async fn the_surface_speaks_its_own_form_and_wants_a_token() {
    let app = TestApp::start().await;
    app.model("alice", "iris").await;
    for (path, said) in [("/v2/health/live", "live"), ("/v2/health/ready", "ready")] {
        let answer = app.ask(Method::GET, path).anonymous().send().await;
        assert_eq!(answer.ok(200), json!({said: true}));
        assert_eq!(answer.header("content-type"), "application/json");
    }
    let paths = [
        (Method::GET, "/v2"),
        (Method::GET, "/v2/models"),
        (Method::GET, "/v2/models/iris"),
        (Method::GET, "/v2/models/iris/ready"),
        (Method::GET, "/v2/models/iris/versions/1"),
        (Method::GET, "/v2/models/iris/versions/1/ready"),
        (Method::POST, INFER),
        (Method::POST, "/v2/models/iris/versions/1/infer"),
        (Method::POST, "/v2/repository/index"),
        (Method::POST, "/v2/repository/models/iris/load"),
        (Method::POST, "/v2/repository/models/iris/unload"),
    ];
    let (alice, other) = (
        app.token("alice", "predict").await,
        app.token("bob", "predict").await,
    );
    let narrow = app.token("alice", "runs").await;
    for (method, path) in paths {
        let ask = || app.ask(method.clone(), path);
        refusal(&ask().anonymous().send().await, 401);
        refusal(&ask().token(&narrow).send().await, 403);
        let strange = ask().token(&other).send().await;
        let own = ask().token(&alice).send().await;
        if path.contains("/iris") {
            assert!(refusal(&strange, 404).contains("iris"));
        } else {
            assert!(!strange.text().contains("iris"), "{}", strange.text());
        }
        // An empty inference is wrong; everything else answers.
        assert_eq!(
            own.status,
            if path.ends_with("infer") { 400 } else { 200 },
            "{path} {}",
            own.text()
        );
    }
    let list = app
        .ask(Method::GET, "/v2/models")
        .token(&alice)
        .send()
        .await;
    assert_eq!(list.ok(200), json!({"models": ["iris"]}));
    let index = app
        .ask(Method::POST, "/v2/repository/index")
        .token(&alice)
        .send()
        .await;
    assert_eq!(
        index.ok(200),
        json!([{"name": "iris", "version": "1", "state": "READY", "reason": ""}])
    );
    refusal(&app.get("/v2/models/iris/config").await, 404);
    refusal(&app.get("/v2/models/iris/versions/one").await, 404);
    let wrong = app.ask(Method::DELETE, "/v2/models/iris").send().await;
    refusal(&wrong, 405);
    assert!(wrong.header("allow").contains("GET"));
    // Elsewhere errors stay as they are.
    app.get("/v1/models/iris/nothing")
        .await
        .problem(404, "no_such_route");
    app.get("/v20").await.problem(404, "no_such_route");
}
