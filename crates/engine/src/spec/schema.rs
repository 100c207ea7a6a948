//! The JSON Schema of the document: made from the structs, tidied, and narrowed to one family.

use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use super::{Family, NetworkFamily, Spec, TaskKind};

/// The schema of every spec.
pub(super) fn whole() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let mut schema = schemars::schema_for!(Spec).to_value();
        let definitions = schema.get("$defs").cloned().unwrap_or_default();
        tidy(&mut schema, &definitions);
        prune(&mut schema);
        schema
    })
}

/// The schema of the specs of one family.
pub(super) fn of(family: Family) -> Value {
    let mut schema = whole().clone();
    schema["title"] = json!(format!("A {} spec", family.name()));
    schema["description"] = json!(family.describe());
    let task = match family {
        Family::Classification | Family::Perceptron => TaskKind::Classification,
        Family::Regression => TaskKind::Regression,
        Family::Embedding => TaskKind::Embedding,
    };
    keep(&mut schema, "TaskKind", &[task.name()]);
    keep(&mut schema, "Loss", task.losses());
    if task.has_classes() {
        one_target(&mut schema);
    } else {
        let splits = ["random", "chronological", "by_column"];
        keep(&mut schema, "Split", &splits);
    }
    match family {
        Family::Classification | Family::Regression | Family::Embedding => {
            keep(&mut schema, "NetworkFamily", &NetworkFamily::PRESETS);
        }
        Family::Perceptron => {
            schema["$defs"]["Network"]["anyOf"] = json!([{"$ref": "#/$defs/NetworkFamily"}]);
            keep(&mut schema, "NetworkFamily", &["perceptron"]);
            keep(&mut schema, "Precision", &["f32"]);
            schema["properties"]["network"] =
                json!({"$ref": "#/$defs/Network", "description": "Asks for a perceptron."});
            if let Some(required) = schema["required"].as_array_mut() {
                required.push(json!("network"));
            }
            if let Some(properties) = schema["properties"].as_object_mut() {
                properties.shift_remove("loss");
                properties.shift_remove("optimizer");
            }
        }
    }
    prune(&mut schema);
    schema
}

/// Keeps the alternatives of a definition with these names: constants, or objects of these kinds.
fn keep(schema: &mut Value, definition: &str, names: &[&str]) {
    let Some(choices) = schema["$defs"][definition]["oneOf"].as_array_mut() else {
        return;
    };
    choices.retain(|choice| {
        let name = choice
            .get("const")
            .or_else(|| choice.pointer("/properties/kind/const"));
        name.and_then(Value::as_str)
            .is_some_and(|name| names.contains(&name))
    });
}

fn one_target(schema: &mut Value) {
    schema["$defs"]["Target"]["anyOf"][1]["maxItems"] = json!(1);
}

/// Brings what schemars writes into a form in which every object names all its fields and allows no others: a reference with
/// fields beside it becomes one object, and fields that stand beside alternatives move into each of them.
fn tidy(node: &mut Value, definitions: &Value) {
    match node {
        Value::Array(items) => items.iter_mut().for_each(|item| tidy(item, definitions)),
        Value::Object(object) => {
            if object.contains_key("properties")
                && let Some(reference) = object.shift_remove("$ref")
            {
                merge(object, definition(&reference, definitions));
            }
            let has_choices = object.get("oneOf").is_some_and(Value::is_array);
            if has_choices && let Some(outer) = object.shift_remove("properties") {
                let outer = json!({"properties": outer});
                object
                    .values_mut()
                    .filter_map(Value::as_array_mut)
                    .flatten()
                    .for_each(|choice| {
                        tidy(choice, definitions);
                        if let Some(choice) = choice.as_object_mut() {
                            merge(choice, &outer);
                        }
                    });
            }
            if object.get("properties").is_some_and(Value::is_object)
                && !object.contains_key("additionalProperties")
            {
                object.insert("additionalProperties".into(), json!(false));
            }
            object
                .values_mut()
                .for_each(|value| tidy(value, definitions));
        }
        _ => {}
    }
}

fn definition<'a>(reference: &Value, definitions: &'a Value) -> &'a Value {
    let name = reference
        .as_str()
        .and_then(|pointer| pointer.strip_prefix("#/$defs/"));
    name.and_then(|name| definitions.get(name))
        .unwrap_or(&Value::Null)
}

/// Adds another schema's fields and required names.
fn merge(object: &mut Map<String, Value>, other: &Value) {
    for (keyword, value) in other.as_object().into_iter().flatten() {
        match (object.get_mut(keyword), value) {
            (Some(Value::Object(mine)), Value::Object(theirs)) => {
                mine.extend(
                    theirs
                        .iter()
                        .map(|(name, node)| (name.clone(), node.clone())),
                );
            }
            (Some(Value::Array(mine)), Value::Array(theirs)) => mine.extend(theirs.iter().cloned()),
            (Some(_), _) => {}
            (None, value) => {
                object.insert(keyword.clone(), value.clone());
            }
        }
    }
}

/// Drops definitions that nothing refers to.
fn prune(schema: &mut Value) {
    let mut used = Vec::new();
    let mut waiting = Vec::new();
    if let Some(root) = schema.as_object() {
        root.iter()
            .filter(|(keyword, _)| *keyword != "$defs")
            .for_each(|(_, node)| references(node, &mut waiting));
    }
    while let Some(name) = waiting.pop() {
        if !used.contains(&name) {
            references(&schema["$defs"][&name], &mut waiting);
            used.push(name);
        }
    }
    if let Some(definitions) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
        definitions.retain(|name, _| used.contains(name));
    }
}

fn references(node: &Value, found: &mut Vec<String>) {
    match node {
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(object) => {
            let name = object
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|pointer| pointer.strip_prefix("#/$defs/"));
            found.extend(name.map(str::to_owned));
            object.values().for_each(|value| references(value, found));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects<'a>(node: &'a Value, found: &mut Vec<&'a Map<String, Value>>) {
        match node {
            Value::Array(items) => items.iter().for_each(|item| objects(item, found)),
            Value::Object(object) => {
                found.push(object);
                object.values().for_each(|value| objects(value, found));
            }
            _ => {}
        }
    }

    #[test]
    fn every_object_is_closed_and_every_field_is_explained() {
        let mut found = Vec::new();
        objects(whole(), &mut found);
        let with_fields = found
            .iter()
            .filter(|object| object.get("properties").is_some_and(Value::is_object));
        let mut count = 0;
        for object in with_fields {
            assert!(object.contains_key("additionalProperties"), "{object:?}");
            assert!(
                !object.contains_key("$ref") && !object.contains_key("oneOf"),
                "{object:?}"
            );
            for (name, field) in object["properties"].as_object().into_iter().flatten() {
                assert!(
                    name == "kind" || field.get("description").is_some(),
                    "`{name}` has no explanation"
                );
            }
            count += 1;
        }
        assert!(count > 20);
    }

    #[test]
    fn every_loss_belongs_to_a_task() {
        let choices = whole()["$defs"]["Loss"]["oneOf"].as_array().cloned();
        let offered = choices.iter().flatten();
        let offered: Vec<&str> = offered
            .filter_map(|choice| choice.pointer("/properties/kind/const")?.as_str())
            .collect();
        let mut fitting = TaskKind::ALL.map(TaskKind::losses).concat();
        assert!(offered.len() > 5 && offered.iter().all(|loss| fitting.contains(loss)));
        fitting.retain(|loss| !offered.contains(loss));
        assert!(fitting.is_empty(), "{fitting:?}");
    }

    #[test]
    fn families_are_narrow() {
        let kinds = |family: Family, definition: &str| -> Vec<String> {
            let schema = of(family);
            let choices = schema["$defs"][definition]["oneOf"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let name = |choice: &Value| {
                choice
                    .get("const")
                    .or_else(|| choice.pointer("/properties/kind/const"))
                    .cloned()
            };
            choices
                .iter()
                .filter_map(name)
                .filter_map(|name| name.as_str().map(str::to_owned))
                .collect()
        };
        for (family, task) in [
            (Family::Classification, TaskKind::Classification),
            (Family::Regression, TaskKind::Regression),
            (Family::Embedding, TaskKind::Embedding),
        ] {
            assert_eq!(kinds(family, "TaskKind"), [task.name()]);
            assert_eq!(kinds(family, "Loss"), task.losses());
        }
        assert!(
            of(Family::Perceptron)["$defs"]
                .get("OptimizerSpec")
                .is_none()
        );
        assert_eq!(
            kinds(Family::Classification, "NetworkFamily"),
            NetworkFamily::PRESETS
        );
        assert_eq!(kinds(Family::Perceptron, "NetworkFamily"), ["perceptron"]);
    }
}
