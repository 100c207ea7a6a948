use axum::http::Method;
use descent::ids::DatasetId;
use serde_json::{Value, json};

use crate::app::{TestApp, iris_spec};

fn numbers(list: &Value) -> Vec<f64> {
    let list = list
        .as_array()
        .unwrap_or_else(|| panic!("{list} is no list"))
        .iter();
    list.map(|number| number.as_f64().unwrap()).collect()
}

impl TestApp {
    /// Asks for a landscape and waits until it is ready.
    async fn landscape(&self, run: &str, question: &Value) -> Value {
        let asked = self
            .post(&format!("/v1/runs/{run}/landscape"), question)
            .await;
        let asked = if asked.status == 200 {
            asked.ok(200)
        } else {
            asked.ok(202)
        };
        let id = asked["id"].as_str().unwrap();
        let answer = self
            .get(&format!("/v1/runs/{run}/landscape?id={id}&wait_s=60"))
            .await
            .ok(200);
        assert_eq!(answer["status"], "ready", "{answer}");
        answer
    }
}

#[tokio::test]
async fn the_plane_of_a_path_is_asked_for_once_and_agrees_with_run_and_path() {
    let app = TestApp::start().await;
    let run = app.model("admin", "seen").await.id.to_string();
    let path = format!("/v1/runs/{run}/landscape");
    app.get(&path).await.problem(404, "not_found");
    let question = json!({"kind": "plane", "resolution": 20, "samples": 10_000});
    let first = app.post(&path, &question).await.ok(202);
    assert_eq!(
        first["request"],
        json!({"kind": "plane", "resolution": 21, "samples": 10_000, "range": null, "other": null, "seed": 0, "step": null})
    );
    assert_eq!(
        (&first["terminal"], &first["surface"]),
        (&json!(false), &Value::Null)
    );
    let again = app.post(&path, &question).await.ok(200);
    assert_eq!(again["id"], first["id"]);
    let answer = app.landscape(&run, &question).await;
    assert_eq!(
        (&answer["id"], &answer["progress"], &answer["terminal"]),
        (&first["id"], &json!(1.0), &json!(true))
    );

    // The middle is the run: its loss on all training rows is what the run itself measured at its end.
    let (x, y) = (
        numbers(&answer["surface"]["x"]),
        numbers(&answer["surface"]["y"]),
    );
    assert_eq!((x.len(), y.len()), (21, 21));
    assert!(
        (100..=110).contains(&answer["n_samples"].as_u64().unwrap()),
        "every training row"
    );
    let middle = |places: &[f64]| {
        places
            .iter()
            .position(|place| *place == 0.0)
            .expect("the kept weights are a place")
    };
    let at_middle = answer["surface"]["loss"][middle(&y)][middle(&x)]
        .as_f64()
        .unwrap();
    let minimum = &answer["minima"][0];
    assert_eq!((&minimum["x"], &minimum["y"]), (&json!(0.0), &json!(0.0)));
    assert_eq!(minimum["loss"].as_f64(), Some(at_middle));
    let metrics = app
        .get(&format!("/v1/runs/{run}/metrics?names=train_loss"))
        .await
        .ok(200);
    let measured = *numbers(&metrics["series"][0]["values"]).last().unwrap();
    assert!(
        (at_middle / measured - 1.0).abs() < 1e-6,
        "{at_middle} {measured}"
    );

    // The path is that of the trajectory, and lies within the surface.
    let trajectory = app.get(&format!("/v1/runs/{run}/trajectory")).await.ok(200);
    let points = answer["paths"][0]["points"].as_array().unwrap();
    assert_eq!(points.len(), trajectory["points"].as_array().unwrap().len());
    for (own, seen) in points.iter().zip(trajectory["points"].as_array().unwrap()) {
        for axis in ["x", "y"] {
            let (own, seen) = (own[axis].as_f64().unwrap(), seen[axis].as_f64().unwrap());
            assert!((own - seen).abs() < 1e-4, "{axis}: {own} {seen}");
        }
        assert_eq!((&own["step"], &own["loss"]), (&seen["step"], &seen["loss"]));
        let within = |places: &[f64], axis: &str| {
            (places[0]..=*places.last().unwrap()).contains(&own[axis].as_f64().unwrap())
        };
        assert!(within(&x, "x") && within(&y, "y"));
    }
    let slopes = points
        .iter()
        .filter(|point| point["gradient_x"].is_f64())
        .count();
    assert!((2..=64).contains(&slopes), "{slopes} slopes");
    // The path goes down the surface: at its first point the loss falls towards the end.
    assert!(
        points[0]["x"].as_f64().unwrap() > 0.0 && points[0]["gradient_x"].as_f64().unwrap() > 0.0
    );
    assert_eq!(answer["explained"], trajectory["plane"]["explained"]);

    let list = app.get(&format!("/v1/runs/{run}/landscapes")).await.ok(200);
    assert_eq!(
        (
            list["data"].as_array().unwrap().len(),
            &list["data"][0]["surface"]
        ),
        (1, &Value::Null)
    );
    // What belongs to somebody else is not there, and what goes with its run is gone.
    let other = app.token("bob", "runs:write").await;
    app.ask(Method::GET, &path)
        .token(&other)
        .send()
        .await
        .problem(404, "not_found");
    app.ask(Method::DELETE, &format!("/v1/runs/{run}"))
        .send()
        .await;
    app.get(&path).await.problem(404, "not_found");
}

/// silu(z) = z / (1 + e^-z).
fn silu(z: f64) -> f64 {
    z / (1.0 + (-z).exp())
}

/// Twenty-one points of a bent line that rises on both sides, a little less on the left: one silu fits either side.
fn curve() -> (Vec<f64>, Vec<f64>) {
    let x: Vec<f64> = (0..21).map(|i| f64::from(i) / 5.0 - 2.0).collect();
    let y = x.iter().map(|x| x.max(0.0) + 0.9 * (-x).max(0.0)).collect();
    (x, y)
}

fn standardised(values: &[f64]) -> Vec<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    values
        .iter()
        .map(|v| (v - mean) / variance.sqrt())
        .collect()
}

/// The mean squared error of c + v silu(w x), on standardised columns: all that the network is.
struct Valleys {
    x: Vec<f64>,
    y: Vec<f64>,
}

impl Valleys {
    fn loss(&self, [w, v, c]: [f64; 3]) -> f64 {
        let errors = self
            .x
            .iter()
            .zip(&self.y)
            .map(|(x, y)| c + v * silu(w * x) - y);
        errors.map(|error| error * error).sum::<f64>() / self.x.len() as f64
    }

    /// For one w the best v and c follow from a straight-line fit, so a valley is a minimum over w alone.
    fn best(&self, w: f64) -> [f64; 3] {
        let n = self.x.len() as f64;
        let s: Vec<f64> = self.x.iter().map(|x| silu(w * x)).collect();
        let (mean_s, mean_y) = (s.iter().sum::<f64>() / n, self.y.iter().sum::<f64>() / n);
        let covariance: f64 = s
            .iter()
            .zip(&self.y)
            .map(|(s, y)| (s - mean_s) * (y - mean_y))
            .sum();
        let variance: f64 = s.iter().map(|s| (s - mean_s).powi(2)).sum();
        let v = covariance / variance;
        [w, v, mean_y - v * mean_s]
    }

    /// The bottom of the valley on one side, on a fine grid of w.
    fn bottom(&self, side: f64) -> [f64; 3] {
        let candidates = (1..20_000).map(|k| self.best(side * f64::from(k) * 1e-3));
        candidates
            .min_by(|a, b| self.loss(*a).total_cmp(&self.loss(*b)))
            .unwrap()
    }

    /// Loss at part t of the way from a to b.
    fn between(&self, a: [f64; 3], b: [f64; 3], t: f64) -> f64 {
        self.loss([0, 1, 2].map(|i| a[i] + t * (b[i] - a[i])))
    }
}

async fn valleys(app: &TestApp) -> (DatasetId, Valleys) {
    let (x, y) = curve();
    let rows: String = x
        .iter()
        .zip(&y)
        .map(|(x, y)| format!("{x},{y}\n"))
        .collect();
    let dataset = app
        .dataset("admin", "curve", format!("x,target\n{rows}").as_bytes())
        .await;
    let valleys = Valleys {
        x: standardised(&x),
        y: standardised(&y),
    };
    (dataset, valleys)
}

/// Three parameters: one weight before the function, one behind it, one bias.
fn valley_spec(dataset: DatasetId, seed: u64) -> Value {
    json!({
        "name": format!("start {seed}"), "dataset": dataset.to_string(),
        "task": {"kind": "regression", "target": "target", "split": {"kind": "random", "validation": 0.0, "test": 0.0}},
        "network": [{"kind": "dense", "units": 1, "use_bias": false, "activation": "silu"}],
        "loss": {"kind": "mse"},
        "optimizer": {"kind": "sgd", "learning_rate": 0.1, "momentum": 0.9},
        "training": {"epochs": 1000, "batch_size": 21, "seed": seed},
    })
}

#[tokio::test]
async fn two_starts_end_in_two_valleys_and_the_lower_one_and_the_wall_are_known() {
    let app = TestApp::start().await;
    let (dataset, valleys) = valleys(&app).await;
    let (low, high) = (valleys.bottom(1.0), valleys.bottom(-1.0));
    assert!(
        valleys.loss(low) < 0.7 && valleys.loss(high) > 0.8,
        "the right side is the lower valley"
    );
    let mut ends = Vec::new();
    for seed in [3, 9] {
        let run = app
            .train("admin", valley_spec(dataset, seed))
            .await
            .id
            .to_string();
        let path = app
            .get(&format!("/v1/runs/{run}/trajectory?weights=true"))
            .await
            .ok(200);
        let end = numbers(&path["points"].as_array().unwrap().last().unwrap()["weights"]);
        ends.push((run, end));
    }
    let [(lower, low_end), (higher, high_end)] = ends.try_into().unwrap();
    for (end, bottom) in [(&low_end, low), (&high_end, high)] {
        for (end, bottom) in end.iter().zip(bottom) {
            assert!((end - bottom).abs() < 5e-3, "{end} beside {bottom}");
        }
    }

    // The dense way between the two bottoms, beside what the service says of the two runs.
    let highest = (0..=10_000)
        .map(|k| valleys.between(high, low, f64::from(k) / 1e4))
        .fold(0.0, f64::max);
    let wall = highest - valleys.loss(high);
    for kind in ["between", "shared"] {
        let question = json!({"kind": kind, "resolution": 101, "other": lower});
        let answer = app.landscape(&higher, &question).await;
        let barrier = &answer["barrier"];
        assert_eq!(barrier["lower_run_id"], lower.as_str());
        let height = barrier["height"].as_f64().unwrap();
        assert!((height - wall).abs() < 2e-3, "{height} beside {wall}");
        let minima = answer["minima"].as_array().unwrap();
        assert!((minima[0]["loss"].as_f64().unwrap() - valleys.loss(high)).abs() < 1e-4);
        assert!((minima[1]["loss"].as_f64().unwrap() - valleys.loss(low)).abs() < 1e-4);
        let t = numbers(&barrier["profile"]["t"]);
        assert_eq!((t[0], t[100]), (0.0, 1.0));
        for (t, loss) in t.iter().zip(numbers(&barrier["profile"]["loss"])) {
            assert!(
                (loss - valleys.between(high, low, *t)).abs() < 5e-3,
                "{t}: {loss}"
            );
        }
        // Both minima lie on the line, and its cells have the losses that the formula gives.
        let (x, y) = (
            numbers(&answer["surface"]["x"]),
            numbers(&answer["surface"]["y"]),
        );
        let distance = minima[1]["x"].as_f64().unwrap();
        assert!(minima[1]["y"].as_f64().unwrap().abs() < 1e-5);
        let way: f64 = low_end
            .iter()
            .zip(&high_end)
            .map(|(a, b)| (a - b).powi(2))
            .sum::<f64>()
            .sqrt();
        let wanted = if kind == "between" { 1.0 } else { way };
        assert!((distance / wanted - 1.0).abs() < 1e-5);
        let line = numbers(&answer["surface"]["loss"][y.iter().position(|y| *y == 0.0).unwrap()]);
        for (x, loss) in x.iter().zip(line) {
            let known = valleys.between(high, low, x / distance);
            assert!(
                (loss - known).abs() < 5e-3 * (1.0 + known),
                "{x}: {loss} beside {known}"
            );
        }
        let paths = answer["paths"].as_array().unwrap();
        assert_eq!(
            (&paths[0]["run_id"], &paths[1]["run_id"]),
            (&json!(higher), &json!(lower))
        );
        assert!(
            y.len() == 1
                || paths
                    .iter()
                    .all(|path| path["points"].as_array().unwrap().len() > 100)
        );
    }
}

#[tokio::test]
async fn which_of_two_runs_is_lower_does_not_depend_on_which_is_asked() {
    let app = TestApp::start().await;
    let dataset = app
        .dataset("admin", "iris", include_bytes!("../../examples/iris.csv"))
        .await;
    // Each seed draws a split of its own, so the two were not trained on the same rows.
    let mut runs = Vec::new();
    for seed in [1, 2] {
        let spec = json!({"dataset": dataset.to_string(), "task": {"kind": "classification", "target": "target"},
            "network": [{"kind": "dense", "units": 8}], "training": {"epochs": 20, "seed": seed}});
        runs.push(app.train("admin", spec).await.id.to_string());
    }
    let mut answers = Vec::new();
    for (run, other) in [(0, 1), (1, 0)] {
        let question = json!({"kind": "between", "resolution": 21, "other": runs[other]});
        answers.push(app.landscape(&runs[run], &question).await);
    }
    let [there, back] = answers.try_into().unwrap();
    assert_eq!(
        there["barrier"]["lower_run_id"],
        back["barrier"]["lower_run_id"]
    );
    let loss = |answer: &Value, side: usize| answer["minima"][side]["loss"].as_f64().unwrap();
    assert_eq!(loss(&there, 0), loss(&back, 1));
    assert_eq!(loss(&there, 1), loss(&back, 0));
    // Rows that both have seen are fewer than those of either.
    assert_eq!(there["n_samples"], back["n_samples"]);
    assert!((20..105).contains(&there["n_samples"].as_u64().unwrap()));
}

#[tokio::test]
async fn what_cannot_be_seen_is_refused_with_the_reason() {
    let app = TestApp::idle(|_| {}).await;
    let dataset = app
        .dataset("admin", "iris", include_bytes!("../../examples/iris.csv"))
        .await;
    let queued = app.submit("admin", iris_spec(dataset, "waiting")).await.id;
    let path = format!("/v1/runs/{queued}/landscape");
    app.post(&path, &json!({"kind": "plane"}))
        .await
        .problem(409, "no_landscape");
    for (question, pointer, code) in [
        (
            json!({"kind": "plane", "resolution": 4}),
            "/resolution",
            "out_of_range",
        ),
        (
            json!({"kind": "plane", "samples": 0}),
            "/samples",
            "out_of_range",
        ),
        (
            json!({"kind": "random", "range": 0.0}),
            "/range",
            "out_of_range",
        ),
        (
            json!({"kind": "random", "seed": "x"}),
            "/seed",
            "wrong_type",
        ),
        (json!({"kind": "hill"}), "/kind", "unknown_value"),
        (json!({}), "/kind", "required"),
        (json!({"kind": "between"}), "/other", "required"),
        (
            json!({"kind": "between", "other": "x"}),
            "/other",
            "invalid",
        ),
        (
            json!({"kind": "plane", "other": "x"}),
            "/other",
            "unknown_field",
        ),
        (
            json!({"kind": "plane", "resolutoin": 9}),
            "/resolutoin",
            "unknown_field",
        ),
        (json!([]), "", "wrong_type"),
    ] {
        let problem = app
            .post(&path, &question)
            .await
            .problem(422, "invalid_request");
        let errors = problem["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 1, "{problem}");
        assert_eq!(
            (&errors[0]["pointer"], &errors[0]["code"]),
            (&json!(pointer), &json!(code)),
            "{problem}"
        );
    }
    let two = json!({"kind": "plane", "resolution": 9.5, "samples": 0});
    let problem = app.post(&path, &two).await.problem(422, "invalid_request");
    assert_eq!(problem["errors"].as_array().unwrap().len(), 2, "{problem}");

    let app = TestApp::with(|config| config.specs.landscape_flops = 1_000_000).await;
    let (a, b) = (
        app.model("admin", "a").await.id,
        app.model("admin", "b").await,
    );
    let path = format!("/v1/runs/{a}/landscape");
    app.post(&path, &json!({"kind": "plane"}))
        .await
        .problem(409, "landscape_too_large");
    app.post(&path, &json!({"kind": "gradient", "step": 1_000_000}))
        .await
        .problem(409, "no_landscape");
    let small = |kind: &str, other: String| json!({"kind": kind, "resolution": 5, "samples": 10, "other": other});
    app.post(&path, &small("between", a.to_string()))
        .await
        .problem(409, "not_comparable");
    app.post(
        &path,
        &small("shared", "018f0000-0000-7000-8000-000000000000".to_owned()),
    )
    .await
    .problem(404, "not_found");
    let mut wider = iris_spec(b.dataset_id, "wider");
    wider["network"][0]["units"] = json!(9);
    let wider = app.train("admin", wider).await.id;
    app.post(&path, &small("between", wider.to_string()))
        .await
        .problem(409, "not_comparable");
    // A line of few cells is within the limit, and both runs of one seed end in the same place: there is no wall.
    let same = app
        .landscape(&a.to_string(), &small("between", b.id.to_string()))
        .await;
    assert_eq!(
        (&same["barrier"]["height"], &same["barrier"]["lower_run_id"]),
        (&json!(0.0), &Value::Null)
    );
}

#[tokio::test]
async fn a_run_that_trains_is_seen_as_far_as_it_is() {
    let app = TestApp::start().await;
    let csv = include_bytes!("../../examples/iris.csv");
    let dataset = app.dataset("admin", "iris", csv).await;
    let mut spec = iris_spec(dataset, "on its way");
    spec["training"] = json!({"epochs": 100_000, "batch_size": 1, "seed": 1});
    let run = app.submit("admin", spec).await.id.to_string();
    let path = format!("/v1/runs/{run}");
    let events = app.ask(Method::GET, &format!("{path}/events"));
    let mut events = events.open().await;
    let done = |event: &Value| event["step"].as_u64().unwrap_or(0);
    // Points of the path come on record with the numbers of their steps.
    while done(&events.next().await.2) < 1_000 {}
    let question = json!({"kind": "plane", "resolution": 11, "samples": 50});
    let answer = app.landscape(&run, &question).await;
    let now = app.get(&path).await.ok(200);
    assert_eq!(
        (&now["status"], &now["model"]),
        (&json!("running"), &Value::Null)
    );

    // The middle is where the run was: the last point of its path, lower than the first one, and a step has left it since.
    let surface = &answer["surface"];
    let (x, y) = (numbers(&surface["x"]), numbers(&surface["y"]));
    let middle = |places: &[f64]| places.iter().position(|place| *place == 0.0).unwrap();
    let losses: Vec<f64> = surface["loss"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(numbers)
        .collect();
    assert_eq!((x.len(), y.len(), losses.len()), (11, 11, 121));
    let minimum = &answer["minima"][0];
    assert_eq!((&minimum["x"], &minimum["y"]), (&json!(0.0), &json!(0.0)));
    assert_eq!(minimum["loss"], surface["loss"][middle(&y)][middle(&x)]);
    let points = answer["paths"][0]["points"].as_array().unwrap();
    let (first, last) = (&points[0], points.last().unwrap());
    assert_eq!((&last["x"], &last["y"]), (&json!(0.0), &json!(0.0)));
    assert!(last["update_norm"].as_f64().unwrap() > 0.0, "{last}");
    assert!(
        minimum["loss"].as_f64() < first["sample_loss"].as_f64(),
        "{minimum} {first}"
    );
    let step = |of: &Value| of.as_u64().unwrap();
    assert_eq!(step(&first["step"]), 0);
    assert!(step(&last["step"]) < step(&now["progress"]["step"]));

    // Once the path has gone on, the same question is a new one.
    while done(&events.next().await.2) <= 2 * step(&last["step"]) {}
    let again = app.landscape(&run, &question).await;
    assert_ne!(again["id"], answer["id"]);
    let further = again["paths"][0]["points"]
        .as_array()
        .unwrap()
        .last()
        .unwrap();
    assert!(step(&further["step"]) > step(&last["step"]));
}

#[tokio::test]
async fn a_large_network_is_seen_in_the_plane_of_its_snapshots() {
    let app = TestApp::start().await;
    let csv = include_bytes!("../../examples/iris.csv");
    let dataset = app.dataset("admin", "iris", csv).await;
    let mut spec = iris_spec(dataset, "wide");
    spec["network"] = json!([{"kind": "dense", "units": 180, "activation": "tanh"}, {"kind": "dense", "units": 180}]);
    let run = app.train("admin", spec).await.id.to_string();
    let answer = app
        .landscape(
            &run,
            &json!({"kind": "plane", "resolution": 5, "samples": 50}),
        )
        .await;
    let trajectory = app.get(&format!("/v1/runs/{run}/trajectory")).await.ok(200);
    let (x, y) = (
        numbers(&answer["surface"]["x"]),
        numbers(&answer["surface"]["y"]),
    );
    let middle = |places: &[f64]| {
        places
            .iter()
            .position(|place| *place == 0.0)
            .expect("the kept weights are a place")
    };
    assert_eq!(
        answer["surface"]["loss"][middle(&y)][middle(&x)],
        answer["minima"][0]["loss"]
    );
    // Both planes are made of parts of the weights, by different ways; where the path begins they agree but for the estimate.
    let far = |point: &Value| {
        point["x"]
            .as_f64()
            .unwrap()
            .hypot(point["y"].as_f64().unwrap())
    };
    let (own, seen) = (
        far(&answer["paths"][0]["points"][0]),
        far(&trajectory["points"][0]),
    );
    assert!((own / seen - 1.0).abs() < 0.15, "{own} {seen}");
    assert!(numbers(&answer["explained"])[0] > 0.5);
}

#[tokio::test]
async fn random_directions_and_the_gradient_show_a_minimum_as_one() {
    let app = TestApp::start().await;
    let run = app.model("admin", "random").await.id.to_string();
    let random = app
        .landscape(
            &run,
            &json!({"kind": "random", "resolution": 11, "seed": 3}),
        )
        .await;
    let x = numbers(&random["surface"]["x"]);
    assert_eq!((x[0], x[5], x[10]), (-1.0, 0.0, 1.0));
    let loss = |j: usize, i: usize| random["surface"]["loss"][j][i].as_f64().unwrap();
    assert!(
        [(0, 0), (0, 10), (10, 0), (10, 10)]
            .iter()
            .all(|(j, i)| loss(*j, *i) > loss(5, 5))
    );
    let other_seed = app
        .landscape(
            &run,
            &json!({"kind": "random", "resolution": 11, "seed": 4}),
        )
        .await;
    assert_ne!(random["surface"]["loss"], other_seed["surface"]["loss"]);

    // At the start the loss falls against the gradient; its slope is the gradient's norm.
    let slice = app
        .landscape(
            &run,
            &json!({"kind": "gradient", "resolution": 101, "step": 0, "range": 0.05}),
        )
        .await;
    assert_eq!(slice["surface"]["y"], json!([0.0]));
    let (x, loss) = (
        numbers(&slice["surface"]["x"]),
        numbers(&slice["surface"]["loss"][0]),
    );
    assert!(
        loss.windows(2).all(|pair| pair[0] < pair[1]),
        "uphill along the gradient"
    );
    let slope = (loss[51] - loss[49]) / (x[51] - x[49]);
    let start = &slice["paths"][0]["points"][0];
    assert!(
        (slope / start["gradient_x"].as_f64().unwrap() - 1.0).abs() < 1e-2,
        "{slope} {start}"
    );
}
