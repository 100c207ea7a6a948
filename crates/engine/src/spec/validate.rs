//! Walks a document along its JSON Schema and collects every violation, where serde would stop at the first.
//!
//! The schema is made from the structs, so a rule stands in one place: `#[schemars(range(...))]` on a field is what is checked,
//! what is served, and what the message says. Only the keywords that schemars writes for our structs are known here; a test
//! walks the schema and fails on any other.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::pointer::{join, unescaped};
use super::violation::{Violation, nearest};
use super::words::{describe, in_words, interval, shown};

/// Everything in `document` that its schema, `root`, forbids.
pub(super) fn violations(root: &Value, document: &Value) -> Vec<Violation> {
    let mut walk = Walk {
        root,
        found: Vec::new(),
    };
    walk.value(root, document, "");
    walk.found
}

/// The document without the places that violate, so that what is left can still be checked for other rules.
pub(super) fn without(mut document: Value, violations: &[Violation]) -> Value {
    for violation in violations {
        let Some((parent, token)) = violation.pointer.rsplit_once('/') else {
            continue;
        };
        if let Some(Value::Object(object)) = document.pointer_mut(parent) {
            object.shift_remove(&unescaped(token));
        }
    }
    document
}

struct Walk<'a> {
    root: &'a Value,
    found: Vec<Violation>,
}

impl<'a> Walk<'a> {
    fn value(&mut self, node: &'a Value, value: &Value, at: &str) {
        let node = self.follow(node);
        if let Some(choices) = node
            .get("oneOf")
            .or_else(|| node.get("anyOf"))
            .and_then(Value::as_array)
        {
            return self.choice(node, choices, value, at);
        }
        if let Some(allowed) = node.get("enum").and_then(Value::as_array) {
            return self.one_of(allowed, value, at);
        }
        if let Some(constant) = node.get("const") {
            return self.one_of(std::slice::from_ref(constant), value, at);
        }
        if !self.type_fits(node, value, at) {
            return;
        }
        match value {
            Value::Object(object) => self.object(&[node], object, at),
            Value::Array(items) => self.array(node, items, at),
            Value::String(text) => self.length(
                node,
                text.chars().count(),
                "characters",
                ["minLength", "maxLength"],
                at,
            ),
            Value::Number(_) => self.range(node, value, at),
            _ => {}
        }
    }

    /// Goes along `$ref` to the definition.
    fn follow<'n>(&self, node: &'n Value) -> &'n Value
    where
        'a: 'n,
    {
        let Some(pointer) = node.get("$ref").and_then(Value::as_str) else {
            return node;
        };
        self.root
            .pointer(pointer.trim_start_matches('#'))
            .unwrap_or(node)
    }

    /// One of several: told apart by `kind`, by being a list of constants, or by the JSON type.
    fn choice(&mut self, node: &'a Value, choices: &'a [Value], value: &Value, at: &str) {
        let choices: Vec<&Value> = choices.iter().map(|choice| self.follow(choice)).collect();
        let constants: Vec<Value> = choices
            .iter()
            .flat_map(|choice| constants_of(choice))
            .collect();
        if !constants.is_empty()
            && choices
                .iter()
                .all(|choice| is_null(choice) || !constants_of(choice).is_empty())
        {
            if !(value.is_null() && choices.iter().any(|choice| is_null(choice))) {
                self.one_of(&constants, value, at);
            }
            return;
        }
        let fitting: Vec<&Value> = choices
            .iter()
            .copied()
            .filter(|choice| self.could_be(choice, value))
            .collect();
        match (fitting.as_slice(), value) {
            ([], _) => {
                let names = self.types(node);
                self.wrong_type(&names, value, at);
            }
            ([only], Value::Object(object)) if !has_choice(only) && tag(only).is_none() => {
                self.object(&[node, only], object, at)
            }
            ([only], _) if tag(only).is_none() => self.value(only, value, at),
            (several, Value::Object(object)) => self.tagged(node, several, object, at),
            ([first, ..], _) => self.value(first, value, at),
        }
    }

    /// Objects told apart by their `kind`.
    fn tagged(
        &mut self,
        node: &'a Value,
        choices: &[&'a Value],
        object: &Map<String, Value>,
        at: &str,
    ) {
        let kinds: Vec<&str> = choices.iter().filter_map(|choice| tag(choice)).collect();
        let pointer = join(at, "kind");
        let list = || kinds.iter().map(|kind| json!(kind)).collect::<Vec<_>>();
        match object.get("kind") {
            None => self.found.push(
                Violation::new(
                    pointer,
                    "required",
                    format!("`kind` is missing; it is one of {}", kinds.join(", ")),
                )
                .allowed(list()),
            ),
            Some(given) => match choices
                .iter()
                .find(|choice| tag(choice) == given.as_str() && given.is_string())
            {
                Some(choice) => self.object(&[node, choice], object, at),
                None => self.one_of(&list(), given, &pointer),
            },
        }
    }

    fn one_of(&mut self, allowed: &[Value], value: &Value, at: &str) {
        if allowed.contains(value) {
            return;
        }
        let names: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
        let meant = value
            .as_str()
            .and_then(|given| nearest(given, names.iter().copied()));
        let hint = meant
            .map(|name| format!("; did you mean `{name}`?"))
            .unwrap_or_default();
        let message = format!(
            "{value} is not known here; it is one of {}{hint}",
            names.join(", ")
        );
        self.found.push(
            Violation::new(at, "unknown_value", message)
                .allowed(allowed.to_vec())
                .got(shown(value)),
        );
    }

    /// The properties of one object, which several schemas together may describe.
    fn object(&mut self, nodes: &[&'a Value], object: &Map<String, Value>, at: &str) {
        let maps = nodes
            .iter()
            .filter_map(|node| node.get("properties").and_then(Value::as_object));
        let properties: Vec<(&'a String, &'a Value)> = maps.flatten().collect();
        let required = nodes
            .iter()
            .filter_map(|node| node.get("required").and_then(Value::as_array))
            .flatten();
        for name in required
            .filter_map(Value::as_str)
            .filter(|name| !object.contains_key(*name))
        {
            self.found.push(Violation::new(
                join(at, name),
                "required",
                format!("`{name}` is missing"),
            ));
        }
        let open = nodes.iter().find_map(|node| {
            node.get("additionalProperties")
                .filter(|rest| rest.is_object())
        });
        for (name, value) in object {
            let pointer = join(at, name);
            match (properties.iter().find(|(known, _)| *known == name), open) {
                (Some((_, node)), _) => self.value(node, value, &pointer),
                (None, Some(rest)) => self.value(rest, value, &pointer),
                (None, None) => {
                    let known: Vec<&str> =
                        properties.iter().map(|(name, _)| name.as_str()).collect();
                    self.found.push(unknown_field(name, &known, pointer));
                }
            }
        }
    }

    fn array(&mut self, node: &'a Value, items: &[Value], at: &str) {
        self.length(node, items.len(), "entries", ["minItems", "maxItems"], at);
        if let Some(of) = node.get("items") {
            for (index, item) in items.iter().enumerate() {
                self.value(of, item, &format!("{at}/{index}"));
            }
        }
    }

    fn length(&mut self, node: &Value, length: usize, of: &str, [min, max]: [&str; 2], at: &str) {
        let bound = |keyword: &str| node.get(keyword).and_then(Value::as_u64);
        let (min, max) = (bound(min), bound(max));
        let length = length as u64;
        if min.is_some_and(|min| length < min) || max.is_some_and(|max| length > max) {
            let message = format!(
                "{length} {of} where {} are allowed",
                interval(min.as_ref(), max.as_ref())
            );
            self.found.push(
                Violation::new(at, "length", message)
                    .allowed(json!({"minimum": min, "maximum": max}))
                    .got(length),
            );
        }
    }

    fn range(&mut self, node: &Value, value: &Value, at: &str) {
        let bound = |keyword: &str| node.get(keyword).filter(|bound| bound.is_number());
        let (min, max, above) = (
            bound("minimum"),
            bound("maximum"),
            bound("exclusiveMinimum"),
        );
        let below = bound("exclusiveMaximum");
        let number = value.as_f64().unwrap_or(f64::NAN);
        let is = |bound: Option<&Value>, rule: fn(f64, f64) -> bool| {
            bound
                .and_then(Value::as_f64)
                .is_none_or(|bound| rule(number, bound))
        };
        let inside = is(min, |number, bound| number >= bound)
            && is(max, |number, bound| number <= bound)
            && is(above, |number, bound| number > bound)
            && is(below, |number, bound| number < bound);
        if !inside {
            let low = above
                .map(|bound| format!("more than {bound}"))
                .or(min.map(|bound| format!("at least {bound}")));
            let high = below
                .map(|bound| format!("less than {bound}"))
                .or(max.map(|bound| format!("at most {bound}")));
            let rule = [low, high]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" and ");
            let mut allowed = Map::new();
            for keyword in ["minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"] {
                if let Some(bound) = bound(keyword) {
                    allowed.insert(keyword.into(), bound.clone());
                }
            }
            self.found.push(
                Violation::new(
                    at,
                    "out_of_range",
                    format!("{value} is out of range, it must be {rule}"),
                )
                .allowed(allowed)
                .got(value.clone()),
            );
        }
    }

    fn type_fits(&mut self, node: &Value, value: &Value, at: &str) -> bool {
        let names = self.types(node);
        let fits = names.is_empty() || names.iter().any(|name| is_of(name, value));
        if !fits {
            self.wrong_type(&names, value, at);
        }
        fits
    }

    fn wrong_type(&mut self, names: &[&str], value: &Value, at: &str) {
        let wanted: Vec<&str> = names.iter().map(|name| in_words(name)).collect();
        let message = format!(
            "{} where {} is expected",
            describe(value),
            wanted.join(" or ")
        );
        let allowed: Vec<Value> = names.iter().map(|name| json!(name)).collect();
        self.found.push(
            Violation::new(at, "wrong_type", message)
                .allowed(allowed)
                .got(shown(value)),
        );
    }

    /// JSON types a schema allows, each once; empty when it does not say.
    fn types<'n>(&self, node: &'n Value) -> Vec<&'n str>
    where
        'a: 'n,
    {
        let node = self.follow(node);
        let mut names: Vec<&str> = match node.get("type") {
            Some(Value::String(name)) => vec![name.as_str()],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => {
                let choices = node
                    .get("oneOf")
                    .or_else(|| node.get("anyOf"))
                    .and_then(Value::as_array);
                choices
                    .into_iter()
                    .flatten()
                    .flat_map(|choice| self.types(choice))
                    .collect()
            }
        };
        let mut seen = HashSet::new();
        names.retain(|name| seen.insert(*name));
        names
    }

    /// Whether the JSON type alone allows it.
    fn could_be(&self, node: &'a Value, value: &Value) -> bool {
        if has_choice(node) {
            let choices = node
                .get("oneOf")
                .or_else(|| node.get("anyOf"))
                .and_then(Value::as_array);
            return choices
                .into_iter()
                .flatten()
                .any(|choice| self.could_be(self.follow(choice), value));
        }
        let names = self.types(node);
        names.is_empty() || names.iter().any(|name| is_of(name, value))
    }
}

fn unknown_field(name: &str, known: &[&str], pointer: String) -> Violation {
    let hint = match nearest(name, known.iter().copied()) {
        Some(meant) => format!("; did you mean `{meant}`?"),
        None if known.is_empty() => "; no fields are known here".to_owned(),
        None => format!("; known here are {}", known.join(", ")),
    };
    let allowed: Vec<Value> = known.iter().map(|name| json!(name)).collect();
    Violation::new(
        pointer,
        "unknown_field",
        format!("`{name}` is not a known field{hint}"),
    )
    .allowed(allowed)
    .got(name)
}

/// The constant that `kind` has in one of several tagged objects.
fn tag(node: &Value) -> Option<&str> {
    node.pointer("/properties/kind/const")
        .and_then(Value::as_str)
}

fn has_choice(node: &Value) -> bool {
    node.get("oneOf").is_some() || node.get("anyOf").is_some()
}

fn is_null(node: &Value) -> bool {
    node.get("type").and_then(Value::as_str) == Some("null")
}

fn constants_of(node: &Value) -> Vec<Value> {
    match (
        node.get("const"),
        node.get("enum").and_then(Value::as_array),
        node.get("oneOf").and_then(Value::as_array),
    ) {
        (Some(constant), _, _) => vec![constant.clone()],
        (_, Some(list), _) => list.clone(),
        (_, _, Some(choices)) => {
            let all: Vec<Vec<Value>> = choices.iter().map(constants_of).collect();
            if all.iter().any(Vec::is_empty) {
                Vec::new()
            } else {
                all.concat()
            }
        }
        _ => Vec::new(),
    }
}

fn is_of(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}
