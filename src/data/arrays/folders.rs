//! An archive of pictures: the folder of a picture is its class, a folder above it named `train`, `test` or `validation` its part.

use std::collections::HashMap;

use super::archive::{Archive, Member};
use crate::data::{DataError, MISSING, Values};

/// A picture with what its place says.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub member: Member,
    pub class: Option<String>,
    pub split: Option<&'static str>,
}

/// The pictures of an archive in its order. Other files (a README, thumbnails) are passed over.
pub(super) fn entries(archive: &Archive) -> Vec<Entry> {
    let is_picture = |name: &str| {
        let lower = name.to_ascii_lowercase();
        [".png", ".jpg", ".jpeg", ".bmp"]
            .iter()
            .any(|ending| lower.ends_with(ending))
    };
    let hidden = |name: &str| {
        name.split('/')
            .any(|part| part.starts_with('.') || part == "__MACOSX")
    };
    let members = archive.members.iter();
    members
        .filter(|member| is_picture(&member.name) && !hidden(&member.name))
        .map(|member| {
            let mut folders: Vec<&str> = member.name.split('/').collect();
            folders.pop();
            let split_at = |name: &&str| split_named(name);
            let class = folders
                .last()
                .filter(|name| split_at(name).is_none())
                .map(|name| (*name).to_owned());
            Entry {
                member: member.clone(),
                class,
                split: folders.iter().find_map(split_at),
            }
        })
        .collect()
}

fn split_named(folder: &str) -> Option<&'static str> {
    match folder.to_ascii_lowercase().as_str() {
        "train" | "training" => Some("train"),
        "test" | "testing" => Some("test"),
        "validation" | "valid" | "val" | "dev" => Some("validation"),
        _ => None,
    }
}

/// The classes, if pictures lie in folders; then all must.
pub(super) fn classes(entries: &[Entry]) -> Result<Option<Values>, DataError> {
    if entries.iter().all(|entry| entry.class.is_none()) {
        return Ok(None);
    }
    if let Some(bare) = entries.iter().find(|entry| entry.class.is_none()) {
        let message = format!(
            "{} lies in no folder of a class, while other pictures do",
            bare.member.name
        );
        return Err(DataError::new("no_labels", message));
    }
    Ok(Some(names(
        entries.iter().map(|entry| entry.class.as_deref()),
    )))
}

/// The parts, if folders speak of them.
pub(super) fn splits(entries: &[Entry]) -> Option<Values> {
    let any = entries.iter().any(|entry| entry.split.is_some());
    any.then(|| {
        names(
            entries
                .iter()
                .map(|entry| Some(entry.split.unwrap_or("train"))),
        )
    })
}

/// Names by code, in order of first appearance.
pub(super) fn names<'a>(all: impl Iterator<Item = Option<&'a str>>) -> Values {
    let mut known: HashMap<&str, u32> = HashMap::new();
    let mut names: Vec<String> = Vec::new();
    let codes = all
        .map(|name| match name {
            None => MISSING,
            Some(name) => *known.entry(name).or_insert_with(|| {
                names.push(name.to_owned());
                names.len() as u32 - 1
            }),
        })
        .collect();
    Values::Names { codes, names }
}
