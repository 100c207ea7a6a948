//! `descent demo`: the whole main job on real data, as a client would do it. A server starts on its embedded default, the
//! Palmer penguins are uploaded over HTTP, a network learns to tell the three species apart, and three birds are predicted.
//! Everything below the start of the server goes through the public API, so what the demo shows is what curl can do.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use futures_util::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::config::Config;
use crate::serve;

/// 344 penguins, with their missing values; CC0, see `examples/README.md`.
const PENGUINS: &[u8] = include_bytes!("../examples/penguins.csv");

const MODEL: &str = "penguins";

/// Starts a server, shows the tour and serves until the process is asked to end.
///
/// # Errors
/// When the server cannot start or any step of the tour is refused.
pub async fn demo(config: Config) -> anyhow::Result<()> {
    let running = serve::start(config).await?;
    let api = Api::new(
        format!("http://{}", running.address),
        running.admin_token.clone(),
    );
    tour(&api).await?;
    what_next(&api, &running);
    running.wait().await?;
    Ok(())
}

async fn tour(api: &Api) -> anyhow::Result<()> {
    println!("1. Upload examples/penguins.csv");
    let dataset = api.upload("penguins.csv", PENGUINS).await?;
    let id = text(&dataset, "/id")?;
    println!(
        "   {} rows; the columns and why they were read that way:",
        dataset["n_rows"]
    );
    let profile = api.get(&format!("/v1/datasets/{id}/profile")).await?;
    for column in profile["columns"].as_array().into_iter().flatten() {
        println!(
            "   {:<18} {:<12} {} missing; {}",
            column["name"].as_str().unwrap_or_default(),
            column["kind"].as_str().unwrap_or_default(),
            column["n_missing"],
            column["why"].as_str().unwrap_or_default()
        );
    }

    println!("\n2. Train: which species is it?");
    let spec = json!({
        "name": MODEL,
        "dataset": id,
        "task": {"kind": "classification", "target": "species"},
        "training": {"seed": 7},
    });
    let run = api.post("/v1/runs", &spec).await?;
    let run = api.watch(text(&run, "/id")?).await?;
    if run["status"] != "succeeded" {
        bail!(
            "the run ended as {}: {}",
            run["status"],
            run["status_reason"]
        );
    }
    let model = text(&run, "/model/name")?;

    println!("\n3. On the birds it has never seen (the test split)");
    show_test(&run)?;

    println!("\n4. Predict three birds, one with a missing measure and one from an unknown island");
    let birds = json!([
        {"island": "Torgersen", "bill_length_mm": 39.1, "bill_depth_mm": 18.7, "flipper_length_mm": 181, "body_mass_g": 3750, "sex": "male", "year": 2007},
        {"island": "Biscoe", "bill_length_mm": 47.5, "bill_depth_mm": 15.0, "flipper_length_mm": 218, "body_mass_g": null, "sex": "female", "year": 2008},
        {"island": "Elsewhere", "bill_length_mm": 50.9, "bill_depth_mm": 19.1, "flipper_length_mm": 196, "body_mass_g": 3550, "sex": "male", "year": 2009},
    ]);
    let answer = api
        .post(
            &format!("/v1/models/{model}/predict"),
            &json!({"rows": birds}),
        )
        .await?;
    for prediction in answer["predictions"].as_array().into_iter().flatten() {
        show_prediction(prediction)?;
    }
    Ok(())
}

/// Test accuracy, and the confusion matrix with a row for each true class.
fn show_test(run: &Value) -> anyhow::Result<()> {
    let result = &run["result"];
    let accuracy = result["metrics"]["test_accuracy"]
        .as_f64()
        .context("the run has no test accuracy")?;
    println!("   accuracy {:.1} %", accuracy * 100.0);
    let confusion = &result["confusion"];
    let labels: Vec<&str> = confusion["labels"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let matrix = confusion["counts"]
        .as_array()
        .context("the run has no confusion matrix")?;
    print!("   {:<22}", "true \\ predicted");
    for label in &labels {
        print!("{label:>11}");
    }
    println!();
    for (label, row) in labels.iter().zip(matrix) {
        print!("   {label:<22}");
        for count in row.as_array().into_iter().flatten() {
            print!("{:>11}", count.to_string());
        }
        println!();
    }
    Ok(())
}

fn show_prediction(prediction: &Value) -> anyhow::Result<()> {
    let label = prediction["label"]
        .as_str()
        .context("a prediction without a label")?;
    let probabilities: BTreeMap<String, f64> =
        serde_json::from_value(prediction["probabilities"].clone())?;
    let shares: Vec<String> = probabilities
        .iter()
        .map(|(name, p)| format!("{name} {:.1} %", p * 100.0))
        .collect();
    println!("   {label:<10} ({})", shares.join(", "));
    for note in prediction["notes"].as_array().into_iter().flatten() {
        let (column, code) = (&note["column"], &note["code"]);
        println!(
            "              {}: {}",
            column.as_str().unwrap_or_default(),
            code.as_str().unwrap_or_default()
        );
    }
    Ok(())
}

fn what_next(api: &Api, running: &serve::Running) {
    let url = &api.url;
    println!(
        "\nThe server stays up until Ctrl-C. The dashboard; this link signs one browser in, once:\n"
    );
    println!("   {}\n", running.sign_in_link.as_ref().unwrap_or(url));
    println!("What to try next, in another terminal:\n");
    println!("   TOKEN=$(cat {})", running.token_file.display());
    println!("   curl -H \"Authorization: Bearer $TOKEN\" {url}/v1/runs");
    println!(
        "   curl -H \"Authorization: Bearer $TOKEN\" --data-binary @my.csv -H 'Content-Type: text/csv' '{url}/v1/datasets?name=mine'"
    );
    println!(
        "   curl -H \"Authorization: Bearer $TOKEN\" --json '{{\"dataset\": \"mine\", \"task\": {{\"kind\": \"classification\", \"target\": \"my column\"}}}}' {url}/v1/runs"
    );
    println!("\n   To read and try the API in a browser: {url}/docs\n");
}

/// The demo's view of the API: a base address, a token, and four ways to ask.
struct Api {
    url: String,
    token: String,
    client: reqwest::Client,
}

impl Api {
    fn new(url: String, token: String) -> Self {
        Self {
            url,
            token,
            client: reqwest::Client::new(),
        }
    }

    async fn upload(&self, name: &str, csv: &'static [u8]) -> anyhow::Result<Value> {
        let url = format!("{}/v1/datasets?name={name}", self.url);
        self.answer(
            self.client
                .post(url)
                .header("content-type", "text/csv")
                .body(csv),
        )
        .await
    }

    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.answer(self.client.get(format!("{}{path}", self.url)))
            .await
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.answer(self.client.post(format!("{}{path}", self.url)).json(body))
            .await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
        let answer = request.bearer_auth(&self.token).send().await?;
        let status = answer.status();
        let body: Value = answer.json().await?;
        if !status.is_success() {
            bail!("{status}: {body}");
        }
        Ok(body)
    }

    /// Follows the event stream of a run with a progress bar, and answers the run as it ended.
    async fn watch(&self, id: &str) -> anyhow::Result<Value> {
        let bar = ProgressBar::new(0).with_style(
            ProgressStyle::with_template("   {bar:40} epoch {pos}/{len}  {msg}")?
                .progress_chars("=> "),
        );
        let request = self.client.get(format!("{}/v1/runs/{id}/events", self.url));
        let answer = request
            .bearer_auth(&self.token)
            .header("accept", "text/event-stream")
            .send()
            .await?;
        let mut stream = answer.error_for_status()?.bytes_stream();
        let mut pending = Vec::new();
        while let Some(chunk) = stream.next().await {
            pending.extend_from_slice(&chunk?);
            while let Some(end) = memchr::memmem::find(&pending, b"\n\n") {
                pending.drain(..end + 2);
                self.show_progress(&bar, id).await?;
            }
        }
        self.show_progress(&bar, id).await?;
        bar.finish();
        self.get(&format!("/v1/runs/{id}")).await
    }

    async fn show_progress(&self, bar: &ProgressBar, id: &str) -> anyhow::Result<()> {
        let run = self.get(&format!("/v1/runs/{id}")).await?;
        bar.set_length(run["progress"]["epochs"].as_u64().unwrap_or_default());
        bar.set_position(run["progress"]["epoch"].as_u64().unwrap_or_default());
        bar.set_message(run["status"].as_str().unwrap_or_default().to_owned());
        Ok(())
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> anyhow::Result<&'a str> {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .with_context(|| format!("no {pointer} in {value}"))
}
