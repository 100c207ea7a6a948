//! What makes two trainings the same: a digest of everything their numbers follow from.

use sha2::{Digest, Sha256};

use crate::dataset::{Dataset, Parts, Targets};
use crate::spec::{Resources, Spec};

/// SHA-256 over the spec (without what only people and the queue read), the data and the parts. Threads do not belong to it:
/// they do not change a bit.
pub(crate) fn of(spec: &Spec, dataset: &Dataset, parts: &Parts) -> [u8; 32] {
    let essence = Spec {
        name: None,
        dataset: String::new(),
        resources: Resources::default(),
        priority: 0,
        metadata: Default::default(),
        training: crate::spec::Training {
            checkpoint: Default::default(),
            time_limit_s: None,
            ..spec.training.clone()
        },
        ..spec.clone()
    };
    let mut digest = Sha256::new();
    digest.update(serde_json::to_vec(&essence).unwrap_or_default());
    floats(&mut digest, dataset.features.iter());
    match &dataset.targets {
        Targets::Classes { labels, .. } => words(&mut digest, labels),
        Targets::Values { values, .. } => floats(&mut digest, values.iter()),
    }
    [&parts.train, &parts.validation, &parts.test]
        .into_iter()
        .for_each(|part| words(&mut digest, part));
    digest.finalize().into()
}

/// Hashes in pieces: one call per number would take longer than the hashing.
fn floats<'a>(digest: &mut Sha256, numbers: impl Iterator<Item = &'a f32>) {
    pieces(digest, numbers.map(|number| number.to_bits()));
}

fn words(digest: &mut Sha256, words: &[u32]) {
    pieces(digest, words.iter().copied());
}

fn pieces(digest: &mut Sha256, words: impl Iterator<Item = u32>) {
    let mut piece = Vec::with_capacity(4096);
    let mut n_words = 0_u64;
    for word in words {
        piece.extend_from_slice(&word.to_le_bytes());
        n_words += 1;
        if piece.len() == 4096 {
            digest.update(&piece);
            piece.clear();
        }
    }
    digest.update(&piece);
    digest.update(n_words.to_le_bytes());
}
