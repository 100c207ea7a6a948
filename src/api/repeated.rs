//! Members that stand in a JSON object twice. A reader keeps the last of them and says nothing, so a slip would count in silence.

use std::collections::HashSet;
use std::fmt;

use descent_engine::spec::Violation;
use descent_engine::spec::pointer::escaped;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Places that are named at most; the first are enough to find the slip.
const MOST_PLACES: usize = 20;
/// Bytes of the longest place that is named; behind a longer one the whole document is.
const LONGEST_PLACE: usize = 1 << 10;

/// The members of a JSON document whose name stands in the same object before.
pub fn repeated(document: &[u8]) -> Vec<Violation> {
    let mut walk = Walk::default();
    let mut reader = serde_json::Deserializer::from_slice(document);
    // What is no JSON is refused by whoever reads it; what was found before its fault is true all the same.
    let _ = Node(&mut walk).deserialize(&mut reader);
    let violation = |place| {
        let message = "it stands twice in its object; leave one of the two out";
        Violation::new(place, "duplicate_field", message)
    };
    walk.found.into_iter().map(violation).collect()
}

#[derive(Default)]
struct Walk {
    /// Where the walk is.
    at: String,
    found: Vec<String>,
}

impl Walk {
    /// Goes to an element or member, does `work` there and comes back.
    fn inside<T>(&mut self, token: &str, work: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.at.len();
        self.at.push('/');
        self.at.push_str(&escaped(token));
        let done = work(self);
        self.at.truncate(outer);
        done
    }
}

/// One value of any kind.
struct Node<'w>(&'w mut Walk);

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut index = 0_usize;
        while self
            .0
            .inside(&index.to_string(), |walk| {
                items.next_element_seed(Node(walk))
            })?
            .is_some()
        {
            index += 1;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            self.0.inside(&name, |walk| {
                if seen.contains(&name) && walk.found.len() < MOST_PLACES {
                    let is_short = walk.at.len() <= LONGEST_PLACE;
                    walk.found.push(if is_short {
                        walk.at.clone()
                    } else {
                        String::new()
                    });
                }
                members.next_value_seed(Node(walk))
            })?;
            seen.insert(name);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_repeated_member_is_pointed_at() {
        let places = |document: &[u8]| -> Vec<String> {
            let found = repeated(document).into_iter();
            found.map(|violation| violation.pointer).collect()
        };
        let document = br#"{"a": [1, {"b": null, "c/d": 1.5, "b": {}, "c/d": "x"}], "e": true, "a": 2, "f": -1}"#;
        assert_eq!(places(document), ["/a/1/b", "/a/1/c~1d", "/a"]);
        assert!(places(br#"[{"a": 1}, {"a": {"a": 1}}]"#).is_empty());
        assert_eq!(places(br#"{"a": 1, "a": 2"#), ["/a"]);
        let many = format!("{{{}\"a\": 1}}", "\"a\": 1, ".repeat(100));
        assert_eq!(places(many.as_bytes()).len(), MOST_PLACES);
        let long = format!(r#"{{"{}": {{"a": 1, "a": 2}}}}"#, "/".repeat(LONGEST_PLACE));
        assert_eq!(places(long.as_bytes()), [""]);
    }
}
