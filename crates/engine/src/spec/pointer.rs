//! Places of a document as JSON Pointers (RFC 6901): `/metadata/a~1b` is the member `a/b` of `metadata`.

use std::borrow::Cow;

/// The place of a member of what is at `pointer`.
#[must_use]
pub fn join(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", escaped(name))
}

/// A name as one token of a pointer. Most names have nothing to escape and are not copied.
#[must_use]
pub fn escaped(name: &str) -> Cow<'_, str> {
    if name.contains(['~', '/']) {
        name.replace('~', "~0").replace('/', "~1").into()
    } else {
        name.into()
    }
}

/// The name that a token of a pointer stands for.
#[must_use]
pub fn unescaped(token: &str) -> String {
    // In this order, so that what `~01` stands for is `~1`.
    token.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_and_read_back() {
        assert_eq!(join("/metadata", "a/b~c"), "/metadata/a~1b~0c");
        for name in ["", "plain", "a/b~c", "~1", "/~0/"] {
            assert_eq!(unescaped(&escaped(name)), name);
        }
    }
}
