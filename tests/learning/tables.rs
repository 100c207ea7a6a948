//! What the defaults reach on real tables, from the uploaded bytes to the test split: the mean over the seeds 0 to 4, which also
//! draw the split. References (scikit-learn) stand in the README of the shared data.

use descent_engine::trainer::Silent;
use serde_json::{Value, json};

use crate::source::{self, Source};
use crate::{there, training};

const SEEDS: u64 = 5;

/// A set that is trained with the defaults of a spec that names the task alone.
struct Row {
    file: &'static str,
    task: Value,
    metric: &'static str,
    goal: f64,
}

fn row(file: &'static str, kind: &str, target: &str, metric: &'static str, goal: f64) -> Row {
    Row {
        file,
        task: json!({"kind": kind, "target": target}),
        metric,
        goal,
    }
}

/// Categories as rows of tables that are learned; the rest of the defaults is the same.
fn embedded(mut row: Row) -> Row {
    row.task["preprocessing"] = json!({"categories": {"kind": "embedding"}});
    row
}

fn without(mut row: Row, columns: &[&str]) -> Row {
    row.task["features"] = json!({"exclude": columns});
    row
}

fn score(row: &Row, source: &Source, seed: u64) -> f64 {
    let document = json!({"dataset": row.file, "task": row.task, "training": {"seed": seed}});
    let trained = training::train(source, document, &mut Silent).expect("it is trained");
    training::metric(&trained, row.metric).expect("the metric is defined")
}

fn reaches(row: &Row) {
    let Some(source) = there(row.file, source::table(row.file, &row.task)) else {
        return;
    };
    let scores: Vec<f64> = (0..SEEDS).map(|seed| score(row, &source, seed)).collect();
    let mean = scores.iter().sum::<f64>() / SEEDS as f64;
    println!("{}: {} {mean:.4} {scores:.3?}", row.file, row.metric);
    assert!(
        mean >= row.goal,
        "{}: {} {mean:.4} is below {}, seeds {scores:.3?}",
        row.file,
        row.metric,
        row.goal
    );
}

#[test]
fn titanic() {
    let row = row(
        "titanic/titanic.csv",
        "classification",
        "Survived",
        "test_accuracy",
        0.80,
    );
    reaches(&without(row, &["PassengerId", "Name", "Ticket", "Cabin"]));
}

#[test]
fn penguins() {
    reaches(&row(
        "penguins/penguins.csv",
        "classification",
        "species",
        "test_accuracy",
        0.98,
    ));
}

#[test]
fn adult() {
    reaches(&row(
        "adult/adult-train.csv",
        "classification",
        "column_15",
        "test_accuracy",
        0.85,
    ));
}

/// Both reach what their one-hot features reach above.
#[test]
fn embedded_categories() {
    let titanic = row(
        "titanic/titanic.csv",
        "classification",
        "Survived",
        "test_accuracy",
        0.80,
    );
    reaches(&embedded(without(
        titanic,
        &["PassengerId", "Name", "Ticket", "Cabin"],
    )));
    let adult = row(
        "adult/adult-train.csv",
        "classification",
        "column_15",
        "test_accuracy",
        0.85,
    );
    reaches(&embedded(adult));
}

#[test]
fn breast_cancer() {
    reaches(&row(
        "breast-cancer/breast_cancer.csv",
        "classification",
        "target",
        "test_accuracy",
        0.96,
    ));
}

#[test]
fn digits() {
    reaches(&row(
        "digits/digits.csv",
        "classification",
        "target",
        "test_accuracy",
        0.965,
    ));
}

/// Rows of a class near each other: the nearest other row is of the same class about as often as a classifier finds the class.
#[test]
fn places() {
    for (file, target, goal) in [
        ("digits/digits.csv", "target", 0.96),
        ("penguins/penguins.csv", "species", 0.98),
    ] {
        reaches(&row(file, "embedding", target, "test_recall_at_1", goal));
    }
}

#[test]
fn iris() {
    reaches(&row(
        "iris/iris.csv",
        "classification",
        "target",
        "test_accuracy",
        0.94,
    ));
}

#[test]
fn california_housing() {
    reaches(&row(
        "california-housing/housing.csv",
        "regression",
        "median_house_value",
        "test_r2",
        0.79,
    ));
}

/// One row in forty is positive: accuracy would say nothing.
#[test]
fn mammography() {
    reaches(&row(
        "mammography/mammography.csv",
        "classification",
        "column_7",
        "test_average_precision",
        0.55,
    ));
}

/// Korean column names and labels from the file to the classes.
#[test]
fn korean_cars() {
    let row = row(
        "korean-seoul-cars/seoul_car_by_fuel.csv",
        "classification",
        "차종별",
        "test_accuracy",
        1.0,
    );
    reaches(&without(row, &["기간"]));
}
