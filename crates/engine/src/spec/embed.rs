//! The layer that a table with embedded categories gets in front of the user's: a table for each feature that is an index.

use super::{Categories, MOST_LAYERS, Network, Spec, Violation, resolve};
use crate::dataset::{CategoryFeature, DataFacts};
use crate::layer::{self, EntityEmbedding, Layer, Table};
use crate::network;
use crate::sample::SampleShape;

/// The layer, or nothing where no feature is an index. A network that begins with one, as a resolved spec does, keeps its
/// dimensions; features and vocabularies are always those of the data.
pub(super) fn layer(
    spec: &Spec,
    facts: &DataFacts,
) -> Result<Option<EntityEmbedding>, Vec<Violation>> {
    let Categories::Embedding { dimensions } = spec.task.preprocessing.categories else {
        return Ok(None);
    };
    let given = given(spec);
    if let Some(given) = given
        && given.tables.len() != facts.categories.len()
    {
        let message = format!(
            "{} tables where {} columns are categories; leave the layer out, and it is put there with the right ones",
            given.tables.len(),
            facts.categories.len()
        );
        let violation = Violation::new("/network/0/tables", "length", message);
        return Err(vec![
            violation
                .allowed(facts.categories.len())
                .got(given.tables.len()),
        ]);
    }
    if facts.categories.is_empty() {
        return Ok(None);
    }
    let own = |number: usize| given.map(|layer| layer.tables[number].dimensions);
    let asked = dimensions.map(|dimensions| dimensions as usize);
    let table = |(number, category): (usize, &CategoryFeature)| Table {
        feature: category.feature,
        vocabulary: category.vocabulary,
        dimensions: own(number)
            .or(asked)
            .unwrap_or_else(|| Table::usual_dimensions(category.vocabulary)),
    };
    Ok(Some(EntityEmbedding {
        init: given.and_then(|layer| layer.init),
        ..EntityEmbedding::new(facts.categories.iter().enumerate().map(table).collect())
    }))
}

/// The layer of the spec itself.
fn given(spec: &Spec) -> Option<&EntityEmbedding> {
    match &spec.network {
        Some(Network::Layers(layers)) => match layers.first() {
            Some(Layer::EntityEmbedding(layer)) => Some(layer),
            _ => None,
        },
        _ => None,
    }
}

/// What the user's own layers are given, of which defaults and presets follow.
pub(super) fn after(layer: &EntityEmbedding, facts: &DataFacts) -> DataFacts {
    let passed = facts
        .sample_shape
        .n_numbers()
        .saturating_sub(layer.tables.len());
    let widths = layer.tables.iter().map(|table| table.dimensions);
    DataFacts {
        sample_shape: SampleShape::from(widths.fold(passed, usize::saturating_add)),
        ..facts.clone()
    }
}

/// Puts the layer before the user's own, or in the place of the one that is there. What the user's layers do not fit is named
/// by their places in the user's document, which are one lower than in the resolved spec.
pub(super) fn put_before(
    spec: &mut Spec,
    layer: EntityEmbedding,
    facts: &DataFacts,
) -> Result<(), Vec<Violation>> {
    let resolved = given(spec).is_some();
    let (Some(Network::Layers(layers)), Some(loss)) = (&mut spec.network, &spec.loss) else {
        return Ok(());
    };
    if resolved {
        layers.remove(0);
    } else {
        let n_layers = layer::count(layers);
        if n_layers >= MOST_LAYERS {
            let message = format!(
                "{n_layers} layers, and one that embeds the categories goes before them: at most {} are allowed",
                MOST_LAYERS - 1
            );
            let violation = Violation::new("/network", "length", message);
            return Err(vec![violation.allowed(MOST_LAYERS - 1).got(n_layers)]);
        }
        let input = after(&layer, facts).sample_shape;
        let head = resolve::head(loss, facts.outcome);
        network::Network::build(layers, input, head)
            .map_err(|error| vec![super::explain(&error)])?;
    }
    layers.insert(0, Layer::EntityEmbedding(layer).resolved());
    Ok(())
}
