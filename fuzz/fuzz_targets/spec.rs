//! The document that a user posts: read, and if it is sound, resolved and counted on tables, with indices of
//! categories and without, and on images.
#![no_main]

use descent_engine::dataset::{CategoryFeature, DataFacts, Outcome};
use descent_engine::sample::SampleShape;
use descent_engine::spec::Spec;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(spec) = Spec::parse(bytes) else { return };
    let image = SampleShape::Image {
        height: 28,
        width: 28,
        channels: 1,
    };
    let category = CategoryFeature {
        feature: 1,
        vocabulary: 10_001,
    };
    for (sample_shape, categories, outcome) in [
        (4.into(), vec![], Outcome::Classes(3)),
        (image, vec![], Outcome::Classes(10)),
        (4.into(), vec![category], Outcome::Values(2)),
    ] {
        let facts = DataFacts {
            n_rows: 1_000,
            n_train: 700,
            sample_shape,
            categories,
            outcome,
        };
        let Ok(resolved) = spec.resolve(&facts) else {
            continue;
        };
        assert_eq!(resolved.resolve(&facts).as_ref(), Ok(&resolved), "resolving twice changes nothing");
        // What is too large is refused, not allocated.
        let _counted_or_refused = resolved.cost(&facts);
    }
});
