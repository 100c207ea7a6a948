//! What a token may do: rooms of the API, each to read or to write.

use std::fmt;
use std::str::FromStr;

/// What a scope opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Room {
    /// Datasets.
    Datasets,
    /// Runs, their events and the queue.
    Runs,
    /// Models and aliases.
    Models,
    /// Predictions.
    Predict,
    /// Everything of this owner, and the server itself.
    Admin,
}

impl Room {
    const ALL: [Self; 5] = [
        Self::Datasets,
        Self::Runs,
        Self::Models,
        Self::Predict,
        Self::Admin,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Datasets => "datasets",
            Self::Runs => "runs",
            Self::Models => "models",
            Self::Predict => "predict",
            Self::Admin => "admin",
        }
    }
}

/// How far a scope goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Right {
    /// Look.
    Read,
    /// Look and change.
    Write,
}

/// One room and how far: `runs:read`. A room alone means write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope {
    /// Which room.
    pub room: Room,
    /// How far.
    pub right: Right,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let right = if self.right == Right::Read {
            "read"
        } else {
            "write"
        };
        write!(f, "{}:{right}", self.room.as_str())
    }
}

/// A scope that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no scope {0:?}; rooms are datasets, runs, models, predict and admin, each with :read or :write"
)]
pub struct UnknownScope(pub String);

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        let (room, right) = text.split_once(':').unwrap_or((text, "write"));
        let room = Room::ALL.into_iter().find(|known| known.as_str() == room);
        let right = match right {
            "read" => Some(Right::Read),
            "write" => Some(Right::Write),
            _ => None,
        };
        room.zip(right)
            .map(|(room, right)| Self { room, right })
            .ok_or_else(|| UnknownScope(text.to_owned()))
    }
}

/// What one token may do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Everything.
    pub fn admin() -> Self {
        Self(vec![Scope {
            room: Room::Admin,
            right: Right::Write,
        }])
    }

    /// Whether `wanted` is covered: write covers read, admin covers every room.
    pub fn allow(&self, wanted: Scope) -> bool {
        self.0.iter().any(|held| {
            (held.room == wanted.room || held.room == Room::Admin) && held.right >= wanted.right
        })
    }

    /// Whether every scope of `other` is covered: nobody hands on more than they hold.
    pub fn cover(&self, other: &Self) -> bool {
        other.0.iter().all(|wanted| self.allow(*wanted))
    }

    /// The scopes, sorted.
    pub fn iter(&self) -> impl Iterator<Item = Scope> + '_ {
        self.0.iter().copied()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let mut scopes: Vec<Scope> = scopes.into_iter().collect();
        scopes.sort_unstable();
        scopes.dedup();
        Self(scopes)
    }
}

impl FromStr for Scopes {
    type Err = UnknownScope;

    /// Scopes separated by spaces or commas.
    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        text.split([' ', ','])
            .filter(|part| !part.is_empty())
            .map(str::parse)
            .collect()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, scope) in self.0.iter().enumerate() {
            write!(f, "{}{scope}", if i == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn write_covers_read_and_admin_covers_rooms() {
        let scopes: Scopes = "runs:write, datasets:read".parse().unwrap();
        let allows = |text: &str| scopes.allow(text.parse().unwrap());
        assert!(allows("runs:read") && allows("runs:write") && allows("datasets:read"));
        assert!(!allows("datasets:write") && !allows("models:read") && !allows("admin:read"));
        assert!(Scopes::admin().cover(&scopes) && !scopes.cover(&Scopes::admin()));
        let reader: Scopes = "admin:read".parse().unwrap();
        assert!(
            reader.allow("runs:read".parse().unwrap())
                && !reader.allow("runs:write".parse().unwrap())
        );
        assert!("runs:all".parse::<Scopes>().is_err());
        assert_eq!(scopes.to_string(), "datasets:read runs:write");
    }
}
