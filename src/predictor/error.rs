//! What can be wrong with a request for predictions, said so that its sender can find the place.

/// Why there are no predictions. The HTTP status each of them deserves is the edge's business; the classes are made so that one
/// class is one status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PredictError {
    /// The bytes are not the format they are said to be.
    #[error("{message}")]
    Malformed {
        /// What is wrong and what would be right.
        message: String,
        /// Line of the body, counted from 1.
        line: u64,
        /// Byte of that line, counted from 1; 0 where the whole line is meant.
        column: u64,
    },
    /// The bytes are well formed, but a row does not fit the model.
    #[error("{0}")]
    Refused(Box<Fault>),
    /// More is asked for than one request may have.
    #[error("{message}")]
    TooLarge {
        /// What there is too much of, and what to do instead.
        message: String,
        /// The limit, in the unit the message names.
        limit: u64,
    },
}

/// One thing wrong with one row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// Stable name: `unknown_column`, `duplicate_column`, `not_a_number`, `not_a_boolean`, `not_a_timestamp`, `not_a_scalar`,
    /// `not_a_row`, `wrong_width`, `unknown_field`, `missing_field`, `duplicate_field`, `malformed_row`.
    pub code: &'static str,
    /// What is wrong, in which row and column, and what would be right.
    pub message: String,
    /// JSON Pointer into the request body (`/rows/3/Age`); for CSV and NDJSON into the body read as a list of rows.
    pub pointer: String,
    /// Row, counted from 0; absent when the request as a whole is meant.
    pub row: Option<u64>,
    /// Line of the body, counted from 1; for CSV and NDJSON only.
    pub line: Option<u64>,
    /// The column's name.
    pub column: Option<String>,
    /// The value or name that was sent, cut to a readable length.
    pub got: Option<String>,
    /// The nearest thing that would have been right.
    pub nearest: Option<String>,
}

impl Fault {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Box<Self> {
        Box::new(Self {
            code,
            message: message.into(),
            pointer: String::new(),
            row: None,
            line: None,
            column: None,
            got: None,
            nearest: None,
        })
    }
}

impl From<Box<Fault>> for PredictError {
    fn from(fault: Box<Fault>) -> Self {
        Self::Refused(fault)
    }
}

/// Why a stored model cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The document is not one of ours, or of a later version.
    #[error("the model document cannot be read: {0}")]
    Document(String),
    /// Stored bytes are not the bytes that were written.
    #[error("the {what} of the model are damaged: their SHA-256 is {got}, {expected} was recorded")]
    Digest {
        /// `weights` or `document bytes`.
        what: &'static str,
        /// Recorded when the model was registered.
        expected: String,
        /// Of the bytes as they are now.
        got: String,
    },
    /// Parts of the model contradict each other.
    #[error("the model contradicts itself: {0}")]
    Shape(String),
}

/// What was sent, short enough for a message.
pub(super) fn shorten(text: &str) -> String {
    const LIMIT: usize = 60;
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// The known name with the fewest edits from `name`, when it is near enough to be a slip.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Names as long as a paragraph are no slips, and comparing them costs the product of the lengths.
    if name.len() > 200 {
        return None;
    }
    known
        .filter(|candidate| candidate.len() <= 200)
        .map(|candidate| {
            let distance = strsim::osa_distance(&candidate.to_lowercase(), &name.to_lowercase());
            (distance, candidate)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
