//! Which version of a model is meant: `iris`, `iris@3`, `iris@production`.

use super::error::Error;
use crate::store::models::Which;

/// `iris` is the newest version, `iris@3` the third, `iris@production` the one that alias points to.
pub fn selected(text: &str) -> (&str, Which) {
    let Some((name, selector)) = text.split_once('@') else {
        return (text, Which::Latest);
    };
    let which = match selector.parse() {
        Ok(version) if selector.bytes().all(|byte| byte.is_ascii_digit()) => {
            Which::Version(version)
        }
        _ => Which::Alias(selector.to_owned()),
    };
    (name, which)
}

/// A model nobody has, said with all that was asked for.
pub fn absent(name: &str, which: &Which) -> Error {
    match which {
        Which::Latest => Error::not_found("model", name),
        Which::Version(version) => Error::not_found("model version", &format!("{name}@{version}")),
        Which::Alias(alias) => Error::not_found("model alias", &format!("{name}@{alias}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_selects_a_version() {
        assert_eq!(selected("iris"), ("iris", Which::Latest));
        assert_eq!(selected("iris@3"), ("iris", Which::Version(3)));
        assert_eq!(selected("붓꽃@live"), ("붓꽃", Which::Alias("live".into())));
        assert_eq!(selected("iris@+3"), ("iris", Which::Alias("+3".into())));
        assert_eq!(selected("a@b@c"), ("a", Which::Alias("b@c".into())));
    }
}
