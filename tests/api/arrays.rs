//! Arrays through the API: uploaded as one dataset, looked at, trained on, and predicted in every form a sample can have.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};

const TRAIN_IMAGES: &[u8] =
    include_bytes!("../../examples/fashion-mnist/train-images-idx3-ubyte.gz");
const TRAIN_LABELS: &[u8] =
    include_bytes!("../../examples/fashion-mnist/train-labels-idx1-ubyte.gz");
const TEST_IMAGES: &[u8] = include_bytes!("../../examples/fashion-mnist/t10k-images-idx3-ubyte.gz");
const TEST_LABELS: &[u8] = include_bytes!("../../examples/fashion-mnist/t10k-labels-idx1-ubyte.gz");

/// The parts of Fashion-MNIST as a client sends them.
const FASHION: [(&str, &[u8]); 4] = [
    ("images", TRAIN_IMAGES),
    ("labels", TRAIN_LABELS),
    ("test_images", TEST_IMAGES),
    ("test_labels", TEST_LABELS),
];

async fn form(app: &TestApp, query: &str, parts: &[(&str, &[u8])]) -> Answer {
    let mut body = Vec::new();
    for (name, bytes) in parts {
        let head = format!(
            "--x\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}.gz\"\r\n\r\n"
        );
        body.extend(head.as_bytes());
        body.extend(*bytes);
        body.extend(b"\r\n");
    }
    body.extend(b"--x--\r\n");
    app.ask(Method::POST, &format!("/v1/datasets{query}"))
        .body("multipart/form-data; boundary=x", body)
        .send()
        .await
}

async fn raw(app: &TestApp, query: &str, bytes: Vec<u8>) -> Answer {
    app.ask(Method::POST, &format!("/v1/datasets{query}"))
        .body("application/octet-stream", bytes)
        .send()
        .await
}

fn idx(dims: &[u32], numbers: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, dims.len() as u8];
    dims.iter().for_each(|dim| bytes.extend(dim.to_be_bytes()));
    bytes.extend(numbers);
    bytes
}

/// An NPY file of bytes.
fn npy(shape: &str, order: &str, numbers: &[u8]) -> Vec<u8> {
    npy_of("|u1", shape, order, numbers)
}

/// One of other numbers, as NumPy calls their type.
fn npy_of(descr: &str, shape: &str, order: &str, numbers: &[u8]) -> Vec<u8> {
    let text = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}}}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(numbers);
    bytes
}

#[tokio::test]
async fn images_with_labels_and_a_test_part_become_one_dataset() {
    let app = TestApp::idle(|_| {}).await;
    let answer = form(&app, "?name=fashion", &FASHION).await;
    let dataset = answer.ok(201);
    assert_eq!(dataset["n_rows"], 800);
    let columns = dataset["columns"].as_array().unwrap();
    let names: Vec<_> = columns
        .iter()
        .map(|c| c["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["image", "label", "split"]);
    assert_eq!(columns[0]["kind"], "array");
    assert_eq!(
        columns[0]["sample"],
        json!({"shape": [28, 28, 1], "element": "uint8"})
    );
    assert_eq!(columns[1]["sample"], Value::Null);
    assert_eq!(
        dataset["format"]["arrays"]["parts"][1],
        json!({"split": "test", "samples": "test_images.gz", "labels": "test_labels.gz", "n_rows": 200})
    );
    let path = answer.header("location").to_owned();
    let profile = app.get(&format!("{path}/profile")).await.ok(200);
    let image = &profile["columns"][0];
    assert_eq!((&image["min"], &image["max"]), (&json!(0.0), &json!(255.0)));
    assert_eq!(image["channels"].as_array().unwrap().len(), 1);
    assert_eq!(
        profile["columns"][1]["distinct"],
        json!({"n": 10, "exact": true})
    );
    assert_eq!(
        profile["columns"][2]["top_values"],
        json!([{"value": "train", "count": 600}, {"value": "test", "count": 200}])
    );
    let rows = app
        .get(&format!("{path}/rows?offset=599&limit=2"))
        .await
        .ok(200);
    assert!(
        rows["data"][0][0]
            .as_str()
            .unwrap()
            .starts_with("data:image/png;base64,")
    );
    assert_eq!(
        (&rows["data"][0][2], &rows["data"][1][2]),
        (&json!("train"), &json!("test"))
    );
    let content = app.get(&format!("{path}/content")).await;
    assert_eq!(content.header("content-type"), "application/zip");
    assert!(
        content
            .body
            .windows(TRAIN_IMAGES.len())
            .any(|part| part == TRAIN_IMAGES)
    );
    let tag = app.get(&path).await.header("etag").to_owned();
    let change = app.ask(Method::PATCH, &path).header("if-match", &tag);
    let change = change
        .json(&json!({"columns": {"label": "categorical"}}))
        .send()
        .await;
    change.problem(422, "array_kinds");
    // What was downloaded is a dataset of its own.
    let again = raw(&app, "?name=again", content.body.to_vec())
        .await
        .ok(201);
    assert_eq!(again["sha256"], dataset["sha256"]);
    assert_eq!(again["columns"], dataset["columns"]);
}

#[tokio::test]
async fn what_is_wrong_with_arrays_is_said() {
    let app = TestApp::idle(|_| {}).await;
    let images = idx(&[2, 2, 2], &[1; 8]);
    let huge = idx(&[u32::MAX, u32::MAX, u32::MAX], &[1; 8]);
    let labels = idx(&[2], &[0, 1]);
    for (first, second, code) in [
        (&images, &idx(&[3], &[0, 1, 2]), "label_count"),
        (&huge, &labels, "array_too_large"),
        (
            &images[..images.len() - 1].to_vec(),
            &labels,
            "truncated_array",
        ),
        (&[&images[..], b"x"].concat(), &labels, "trailing_bytes"),
        (&b"a,b\n1,2\n".to_vec(), &labels, "no_samples"),
    ] {
        let answer = form(&app, "", &[("images", first), ("labels", second)]).await;
        answer.problem(422, code);
    }
    let parts: [(&str, &[u8]); 2] = [("images", &images), ("images", &images)];
    form(&app, "", &parts).await.problem(422, "two_files");
    let parts: [(&str, &[u8]); 2] = [("images", &images), ("file", &images)];
    form(&app, "", &parts).await.problem(422, "two_files");
    raw(&app, "", npy("(2, 2)", "True", &[0; 4]))
        .await
        .problem(422, "fortran_order");
    raw(&app, "?layout=sideways", npy("(2, 2)", "False", &[0; 4]))
        .await
        .problem(400, "invalid_query");
    raw(&app, "", b"PK\x03\x04 but no archive".to_vec())
        .await
        .problem(422, "truncated_archive");
    assert_eq!(
        app.get("/v1/datasets").await.ok(200)["data"],
        json!([]),
        "nothing of it stayed"
    );
}

#[tokio::test]
async fn layouts_are_asked_for() {
    let app = TestApp::idle(|_| {}).await;
    let bytes = npy("(1, 3, 4, 5)", "False", &[9; 60]);
    let refused = raw(&app, "", bytes.clone())
        .await
        .problem(422, "wrong_rank");
    assert!(
        refused["detail"]
            .as_str()
            .unwrap()
            .contains("channels_first"),
        "{refused}"
    );
    let dataset = raw(&app, "?layout=channels_last", bytes.clone())
        .await
        .ok(201);
    assert_eq!(dataset["columns"][0]["sample"]["shape"], json!([3, 4, 5]));
    let dataset = raw(&app, "?layout=channels_first", bytes).await.ok(201);
    assert_eq!(dataset["columns"][0]["sample"]["shape"], json!([4, 5, 3]));
    let dataset = raw(&app, "?layout=sequence", npy("(6, 10)", "False", &[9; 60]))
        .await
        .ok(201);
    assert_eq!(dataset["columns"][0]["name"], "sequence");
    assert_eq!(dataset["columns"][0]["sample"]["shape"], json!([10, 1]));
}

#[tokio::test]
async fn doubles_are_learned_and_predicted_as_the_same_numbers() {
    let app = TestApp::start().await;
    let labels: Vec<u8> = (0..60).map(|row| row % 2).collect();
    let numbers =
        |row: usize, col: usize| (row % 2) as f64 + 0.1 * ((row * 7 + col * 3) % 10) as f64;
    let vectors: Vec<u8> = (0..240)
        .flat_map(|at| numbers(at / 4, at % 4).to_le_bytes())
        .collect();
    let parts = [
        ("images", &npy_of("<f8", "(60, 4)", "False", &vectors)[..]),
        ("labels", &npy("(60,)", "False", &labels)[..]),
    ];
    let dataset = form(&app, "?name=doubles", &parts).await.ok(201);
    app.train(
        "admin",
        json!({
            "name": "doubles",
            "dataset": dataset["id"],
            "task": {"kind": "classification", "target": "label"},
            "training": {"epochs": 3},
        }),
    )
    .await;
    let row: Vec<f64> = (0..4).map(|col| numbers(0, col)).collect();
    let predict = "/v1/models/doubles/predict";
    let as_list = app.post(predict, &json!({"rows": [row]})).await.ok(200);
    let as_array = app
        .ask(Method::POST, predict)
        .body(
            "application/x-npy",
            npy_of("<f8", "(4,)", "False", &vectors[..32]),
        )
        .send()
        .await
        .ok(200);
    assert_eq!(as_list["predictions"], as_array["predictions"]);
}

#[tokio::test]
async fn a_network_learns_images_and_every_form_of_a_sample_gets_the_same_answer() {
    let app = TestApp::start().await;
    let dataset = form(&app, "?name=fashion", &FASHION).await.ok(201);
    let id = dataset["id"].as_str().unwrap();
    let run = app
        .train(
            "admin",
            json!({
                "name": "fashion",
                "dataset": id,
                "task": {"kind": "classification", "target": "label"},
                "network": [{"kind": "flatten"}, {"kind": "dense", "units": 32, "activation": "relu"}],
                "training": {"epochs": 10, "seed": 1, "augmentation": [{"kind": "horizontal_flip"}]},
            }),
        )
        .await;
    let shown = app.get(&format!("/v1/runs/{}", run.id)).await.ok(200);
    assert_eq!(shown["resolved_spec"]["task"]["split"]["kind"], "by_column");
    let accuracy = shown["metrics"]["test_accuracy"]
        .as_f64()
        .or_else(|| shown["result"]["metrics"]["test_accuracy"].as_f64());
    assert!(accuracy.unwrap() > 0.6, "{shown}");
    let reseeded =
        json!({"checkpoint": "latest", "spec_patch": {"training": {"seed": 2, "epochs": 11}}});
    let path = format!("/v1/runs/{}/fork", run.id);
    let forked = app.post(&path, &reseeded).await.ok(201);
    assert_eq!(
        forked["spec"]["task"].get("split"),
        None,
        "the part of each row that the dataset names stays"
    );

    let rows = app
        .get(&format!("/v1/datasets/{id}/rows?offset=600&limit=1"))
        .await
        .ok(200);
    let url = rows["data"][0][0].as_str().unwrap();
    let png = {
        use base64::Engine;
        base64::prelude::BASE64_STANDARD
            .decode(url.rsplit(',').next().unwrap())
            .unwrap()
    };
    let pixels: Vec<u8> = {
        use std::io::Read;
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(TEST_IMAGES)
            .read_to_end(&mut bytes)
            .unwrap();
        bytes[16..16 + 784].to_vec()
    };
    let nested: Vec<&[u8]> = pixels.chunks(28).collect();
    let predict = "/v1/models/fashion/predict";
    let expected = app.post(predict, &json!({"rows": [pixels]})).await.ok(200);
    assert_eq!(
        expected["predictions"][0]["probabilities"]
            .as_object()
            .unwrap()
            .len(),
        10
    );
    for rows in [
        json!([nested]),
        json!([url]),
        json!([[url, "9", "test"]]),
        json!([{"image": nested}]),
        json!([{"image": pixels, "label": 3}]),
    ] {
        let answer = app.post(predict, &json!({"rows": rows})).await.ok(200);
        assert_eq!(answer, expected);
    }
    for (kind, body) in [
        ("image/png", png.clone()),
        ("application/octet-stream", png.clone()),
        ("application/x-npy", npy("(28, 28)", "False", &pixels)),
        ("application/x-npy", npy("(1, 28, 28, 1)", "False", &pixels)),
    ] {
        let answer = app
            .ask(Method::POST, predict)
            .body(kind, body)
            .send()
            .await
            .ok(200);
        assert_eq!(answer, expected, "{kind}");
    }
    // A JPEG is not the picture it was made of, so its answer is that of the pixels it is unpacked to.
    let jpeg = {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let picture = image::GrayImage::from_raw(28, 28, pixels.clone()).unwrap();
        picture
            .write_to(&mut bytes, image::ImageFormat::Jpeg)
            .unwrap();
        bytes.into_inner()
    };
    let unpacked = image::load_from_memory(&jpeg)
        .unwrap()
        .into_luma8()
        .into_raw();
    assert_ne!(unpacked, pixels);
    let of_pixels = app
        .post(predict, &json!({"rows": [unpacked]}))
        .await
        .ok(200);
    for kind in ["image/jpeg", "application/octet-stream"] {
        let answer = app.ask(Method::POST, predict).body(kind, jpeg.clone());
        assert_eq!(answer.send().await.ok(200), of_pixels, "{kind}");
    }
    let mut too_large: Vec<f64> = pixels.iter().map(|&pixel| f64::from(pixel)).collect();
    too_large[400] = 1e39;
    let answer = app.post(predict, &json!({"rows": [too_large]})).await;
    let problem = answer.problem(422, "invalid_rows");
    let error = &problem["errors"][0];
    assert_eq!(error["code"], "not_finite");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("number 400") && message.contains("3.4e38"),
        "{message}"
    );
    for rows in [
        json!([[1, 2, 3]]),
        json!([[[1, 2], [3]]]),
        json!([null]),
        json!([[[[[1]]]]]),
    ] {
        let answer = app.post(predict, &json!({"rows": rows})).await;
        answer.problem(422, "invalid_rows");
    }
    for (kind, body, code) in [
        ("image/png", &png[..png.len() / 2], "damaged_picture"),
        ("image/jpeg", &b"hello"[..], "unknown_format"),
        (
            "application/x-npy",
            &npy("(27, 28)", "False", &[0; 756])[..],
            "wrong_shape",
        ),
    ] {
        let answer = app
            .ask(Method::POST, predict)
            .body(kind, body.to_vec())
            .send()
            .await;
        let problem = answer.problem(422, "invalid_rows");
        assert_eq!(problem["errors"][0]["code"], code, "{problem}");
    }
}

#[tokio::test]
async fn a_part_that_is_no_array_is_named() {
    let app = TestApp::idle(|_| {}).await;
    let parts = [("images", &b"hello"[..]), ("labels", TRAIN_LABELS)];
    let problem = form(&app, "?name=words", &parts).await;
    let problem = problem.problem(422, "no_samples");
    let message = problem["errors"][0]["message"].as_str().unwrap();
    assert!(
        message.contains("labels.gz") && message.ends_with("images.gz is neither NPY nor IDX"),
        "{message}"
    );
}

#[tokio::test]
async fn alexnet_is_trained_on_colour_images_and_answers() {
    let app = TestApp::start().await;
    let pixels: Vec<u8> = (0..10 * 64 * 64 * 3)
        .map(|number| {
            let (row, pixel) = (number / (64 * 64 * 3), number % 251);
            (pixel / 3 + 120 * (row % 2)) as u8
        })
        .collect();
    let labels: Vec<u8> = (0..10).map(|row| row % 2).collect();
    let parts = [
        ("images", &npy("(10, 64, 64, 3)", "False", &pixels)[..]),
        ("labels", &npy("(10,)", "False", &labels)[..]),
    ];
    let dataset = form(&app, "?name=colours", &parts).await.ok(201);
    let spec = json!({
        "name": "colours",
        "dataset": dataset["id"],
        "task": {"kind": "classification", "target": "label", "split": {"kind": "random", "validation": 0.0, "test": 0.2}},
        "network": {"kind": "alexnet"},
        "optimizer": {"kind": "sgd", "learning_rate": 0.001, "momentum": 0.9},
        "training": {"epochs": 1, "batch_size": 4},
    });
    let mut embedded = spec.clone();
    embedded["task"]["preprocessing"] = json!({"categories": {"kind": "embedding"}});
    let refused = app.post("/v1/runs?dry_run=true", &embedded).await;
    let refused = refused.problem(422, "invalid_spec");
    assert_eq!(
        refused["errors"][0]["pointer"], "/task/preprocessing/categories/kind",
        "arrays have no categories: {refused}"
    );
    let planned = app.post("/v1/runs?dry_run=true", &spec).await.ok(200);
    let layers = planned["resolved_spec"]["network"].as_array().unwrap();
    let norms = layers
        .iter()
        .filter(|layer| layer["kind"] == "local_response_norm");
    assert_eq!((layers.len(), norms.count()), (15, 2), "{planned}");
    app.train("admin", spec).await;
    let answer = app
        .post(
            "/v1/models/colours/predict",
            &json!({"rows": [pixels[..64 * 64 * 3]]}),
        )
        .await
        .ok(200);
    let probabilities = answer["predictions"][0]["probabilities"]
        .as_object()
        .unwrap();
    assert_eq!(probabilities.len(), 2);
}
