//! What can go wrong with the record.

/// An answer of the store that is not the one hoped for.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// No room left on the disk; nothing was written.
    #[error("the disk is full: nothing was written")]
    DiskFull,
    /// The disk or the file failed; nothing of this write is visible.
    #[error("the database could not be read or written: {0}")]
    Io(String),
    /// More writes wait than the queue holds.
    #[error("too many writes are waiting")]
    Overloaded,
    /// The process is ending.
    #[error("the database is closed")]
    Closed,
    /// A rule of the schema was broken: the name of the constraint or its columns.
    #[error("a rule of the schema was broken: {0}")]
    Constraint(String),
    /// The schema cannot be brought up to date.
    #[error("the database cannot be brought to this version's schema: {0}")]
    Migration(String),
    /// A stored value is not what this version writes.
    #[error("a stored value cannot be understood: {0}")]
    Damaged(String),
    /// Everything else SQLite says.
    #[error("the database refused: {0}")]
    Refused(String),
}

/// Primary result codes of SQLite (the low byte of the extended code).
const FULL: i32 = 13;
const IO_ERROR: i32 = 10;
const CORRUPT: i32 = 11;
const NOT_A_DATABASE: i32 = 26;
const CONSTRAINT: i32 = 19;

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(cause) => {
                let message = cause.message().to_owned();
                match cause
                    .code()
                    .and_then(|code| code.parse::<i32>().ok())
                    .map(|code| code & 0xff)
                {
                    Some(FULL) => Self::DiskFull,
                    Some(IO_ERROR) => Self::Io(message),
                    Some(CORRUPT | NOT_A_DATABASE) => Self::Damaged(message),
                    Some(CONSTRAINT) => Self::Constraint(message),
                    _ => Self::Refused(message),
                }
            }
            sqlx::Error::Io(cause) => Self::Io(cause.to_string()),
            sqlx::Error::PoolTimedOut => Self::Overloaded,
            sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => Self::Closed,
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
                Self::Damaged(error.to_string())
            }
            _ => Self::Refused(error.to_string()),
        }
    }
}
