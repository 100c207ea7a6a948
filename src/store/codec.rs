//! How our own types are kept in SQLite: ids, enums and JSON as text.

use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::StoreError;
use crate::ids::{DatasetId, LandscapeId, RunId, SweepId};

/// Stored JSON, handed on as the bytes that were written: what a user posted comes back unchanged.
#[derive(Debug, Clone)]
pub struct Json(Box<RawValue>);

impl Json {
    /// The JSON of any serialisable value.
    ///
    /// # Errors
    /// When the value has no JSON form (a map with keys that are not text).
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, StoreError> {
        serde_json::value::to_raw_value(value)
            .map(Self)
            .map_err(|e| StoreError::Damaged(e.to_string()))
    }

    /// The stored value as `T`.
    ///
    /// # Errors
    /// When it was written by something else.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        serde_json::from_str(self.0.get()).map_err(|e| StoreError::Damaged(e.to_string()))
    }

    /// The JSON text.
    pub fn get(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

macro_rules! as_text {
    ($kind:ty, $to_text:expr, $from_text:expr) => {
        impl sqlx::Type<sqlx::Sqlite> for $kind {
            fn type_info() -> sqlx::sqlite::SqliteTypeInfo {
                <String as sqlx::Type<sqlx::Sqlite>>::type_info()
            }
            fn compatible(info: &sqlx::sqlite::SqliteTypeInfo) -> bool {
                <String as sqlx::Type<sqlx::Sqlite>>::compatible(info)
            }
        }
        impl sqlx::Encode<'_, sqlx::Sqlite> for $kind {
            fn encode_by_ref(
                &self,
                buffer: &mut sqlx::sqlite::SqliteArgumentsBuffer,
            ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
                let to_text: fn(&$kind) -> String = $to_text;
                <String as sqlx::Encode<sqlx::Sqlite>>::encode(to_text(self), buffer)
            }
        }
        impl<'r> sqlx::Decode<'r, sqlx::Sqlite> for $kind {
            fn decode(
                value: sqlx::sqlite::SqliteValueRef<'r>,
            ) -> Result<Self, sqlx::error::BoxDynError> {
                let from_text: fn(String) -> Result<$kind, sqlx::error::BoxDynError> = $from_text;
                from_text(<String as sqlx::Decode<sqlx::Sqlite>>::decode(value)?)
            }
        }
    };
}
pub(super) use as_text;

as_text!(Json, |json| json.get().to_owned(), |text| Ok(Json(
    RawValue::from_string(text)?
)));
as_text!(RunId, ToString::to_string, |text| Ok(text.parse()?));
as_text!(DatasetId, ToString::to_string, |text| Ok(text.parse()?));
as_text!(SweepId, ToString::to_string, |text| Ok(text.parse()?));
as_text!(LandscapeId, ToString::to_string, |text| Ok(text.parse()?));
