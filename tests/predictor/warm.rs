//! Opened models stay warm within their bytes, and a cold one is opened once however many ask.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use descent::predictor::{OpenError, Predictor, ServedModel, predict_json};

use crate::{Finished, iris, version};

fn open(finished: &Finished) -> Result<ServedModel, OpenError> {
    ServedModel::open(version(), &finished.sealed, &finished.trained.weights)
}

#[test]
fn the_least_recently_used_model_goes_first() {
    let finished = iris();
    let predictor = Predictor::new(finished.model.n_bytes() * 5 / 2);
    for key in ["a", "b"] {
        predictor.get_or_open(key, || open(&finished)).unwrap();
    }
    assert!(predictor.get("a").is_some());
    predictor.get_or_open("c", || open(&finished)).unwrap();
    assert_eq!(
        (
            predictor.get("a").is_some(),
            predictor.get("b").is_some(),
            predictor.get("c").is_some()
        ),
        (true, false, true)
    );
    assert_eq!(predictor.size().0, 2);
    predictor.forget("a");
    assert!(predictor.get("a").is_none());
    assert_eq!(predictor.size(), (1, finished.model.n_bytes()));
}

#[test]
fn a_model_larger_than_everything_is_kept_alone() {
    let finished = iris();
    let predictor = Predictor::new(1);
    predictor.get_or_open("a", || open(&finished)).unwrap();
    predictor.get_or_open("b", || open(&finished)).unwrap();
    assert!(predictor.get("a").is_none() && predictor.get("b").is_some());
}

#[test]
fn a_cold_model_is_opened_once_and_a_failure_is_not_kept() {
    let finished = iris();
    let predictor = Predictor::new(1 << 30);
    let failed = predictor.get_or_open("a", || ServedModel::open(version(), "{}", &[]));
    assert!(failed.is_err() && predictor.get("a").is_none());
    let n_opened = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let opened = predictor.get_or_open("a", || {
                    n_opened.fetch_add(1, Ordering::SeqCst);
                    open(&finished)
                });
                assert!(opened.is_ok());
            });
        }
    });
    assert_eq!(n_opened.load(Ordering::SeqCst), 1);
}

#[test]
fn threads_share_a_model_and_get_the_same_answers() {
    let finished = iris();
    let model = Arc::new(open(&finished).unwrap());
    let body = format!(
        "{{\"rows\":[{}]}}",
        vec!["[5.1,3.5,1.4,0.2],[6.0,3.0,4.8,1.8]"; 300].join(",")
    );
    let expected = predict_json(&model, body.as_bytes(), Default::default()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!(
                        predict_json(&model, body.as_bytes(), Default::default()).unwrap(),
                        expected
                    );
                }
            });
        }
    });
}
