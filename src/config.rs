//! Every setting, one struct per concern. A value comes from the command line, else from a `DESCENT_*` environment
//! variable, else from the TOML file, else from the default written here. Nothing else reads the environment.
//!
//! A setting is one line in `settings!`: its name is the flag (`--data-dir`), the variable (`DESCENT_DATA_DIR`) and the
//! key in its section of the file (`[server] data_dir = ...`).

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is absent or unreadable.
    #[error("cannot read the settings file {path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML, or names a setting that does not exist.
    #[error("the settings file {path} is wrong: {message}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Where and what.
        message: String,
    },
    /// An environment variable does not parse.
    #[error("the environment variable {name}={value:?} is wrong: {message}")]
    Variable {
        /// Which variable.
        name: String,
        /// What it held.
        value: String,
        /// What would be right.
        message: String,
    },
    /// Values that cannot go together.
    #[error("{0}")]
    Conflict(String),
}

/// One setting as documentation: for `GET /v1/limits`, the README's table and `--help`.
#[derive(Debug, Clone, Serialize)]
pub struct Setting {
    /// Section of the TOML file.
    pub section: &'static str,
    /// Key in that section; the flag and the variable follow from it.
    pub name: &'static str,
    /// What it does and in which unit.
    pub about: &'static str,
    /// Value used when nobody says otherwise.
    pub default: String,
}

/// Shown form of a value, for tables.
fn shown<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

fn parsed<T: std::str::FromStr>(
    name: &str,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<T>, ConfigError>
where
    T::Err: std::fmt::Display,
{
    let name = format!("DESCENT_{}", name.to_ascii_uppercase());
    match environment(&name) {
        None => Ok(None),
        Some(value) => match value.trim().parse() {
            Ok(parsed) => Ok(Some(parsed)),
            Err(error) => Err(ConfigError::Variable {
                name,
                value,
                message: format!("{error}"),
            }),
        },
    }
}

/// Declares the concerns: a struct with the values, and a twin of options that flags, variables and the file fill.
macro_rules! settings {
    ($( $(#[$section_doc:meta])* $section:ident: $Struct:ident / $Given:ident {
        $( #[doc = $about:literal] $name:ident: $kind:ty = $default:expr, )*
    } )*) => {
        /// All settings of a process.
        #[derive(Debug, Clone, Serialize, Default)]
        pub struct Config { $( $(#[$section_doc])* pub $section: $Struct, )* }

        /// Settings somebody gave; the rest stays at its default.
        #[derive(Debug, Clone, Default, Deserialize, clap::Args)]
        #[serde(deny_unknown_fields, default)]
        #[allow(missing_docs)]
        pub struct Given { $( #[command(flatten)] pub $section: $Given, )* }

        $(
            $(#[$section_doc])*
            #[derive(Debug, Clone, Serialize)]
            pub struct $Struct { $( #[doc = $about] pub $name: $kind, )* }

            #[doc = concat!("What was given of [`", stringify!($Struct), "`].")]
            #[derive(Debug, Clone, Default, Deserialize, clap::Args)]
            #[serde(deny_unknown_fields, default)]
            pub struct $Given { $( #[doc = $about] #[arg(long, num_args = 0..=1, default_missing_value = "true")] pub $name: Option<$kind>, )* }

            impl Default for $Struct {
                fn default() -> Self { Self { $( $name: $default, )* } }
            }
        )*

        impl Given {
            /// What the environment says.
            fn from_environment(environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
                Ok(Self { $( $section: $Given { $( $name: parsed(stringify!($name), environment)?, )* }, )* })
            }

            /// These settings, and `lower`'s where these are silent.
            fn or(self, lower: Self) -> Self {
                Self { $( $section: $Given { $( $name: self.$section.$name.or(lower.$section.$name), )* }, )* }
            }

            fn into_config(self) -> Config {
                Config { $( $section: $Struct { $( $name: self.$section.$name.unwrap_or_else(|| $default), )* }, )* }
            }
        }

        impl Config {
            /// Every setting with its explanation and default, in the order of this file.
            pub fn settings() -> Vec<Setting> {
                let config = Self::default();
                vec![ $( $( Setting {
                    section: stringify!($section), name: stringify!($name), about: $about.trim(), default: shown(&config.$section.$name),
                }, )* )* ]
            }
        }
    };
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

settings! {
    /// Where the server lives and how it ends.
    server: Server / GivenServer {
        /// Address to listen on; port 0 takes a free one and prints it.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8080)),
        /// Folder of the database, the blobs and the admin token.
        data_dir: PathBuf = PathBuf::from("data"),
        /// Allow a bind other machines can reach although nothing here terminates TLS.
        insecure_public: bool = false,
        /// Further host names the Host and Origin checks accept, separated by commas.
        allowed_hosts: String = String::new(),
        /// A browser that signed in stays signed in this long.
        session_ms: u64 = 30 * 24 * 60 * 60 * 1_000,
        /// After SIGTERM, open work is given this long before the process ends anyway.
        drain_ms: u64 = 8_000,
        /// Log lines as JSON objects instead of text.
        log_json: bool = false,
        /// Which log lines to write, in the syntax of RUST_LOG.
        log_filter: String = "info,sqlx=warn".to_owned(),
    }
    /// What a slow or greedy client meets.
    connections: Connections / GivenConnections {
        /// Open connections in all; further ones are answered 503 and closed.
        max_connections: usize = 4_096,
        /// A new connection must send its first byte within this time.
        first_byte_timeout_ms: u64 = 10_000,
        /// All header lines must have come within this time.
        header_timeout_ms: u64 = 10_000,
        /// A request body must make progress at least this often.
        body_stall_timeout_ms: u64 = 30_000,
        /// A reader of an event stream must take bytes at least this often.
        sse_stall_timeout_ms: u64 = 30_000,
        /// A silent event stream gets a comment this often, so that proxies keep it open.
        sse_heartbeat_ms: u64 = 15_000,
        /// A kept-alive connection without a request is closed after this time.
        idle_timeout_ms: u64 = 75_000,
        /// All header lines of a request together.
        header_bytes: usize = 16 << 10,
        /// Header lines of a request.
        header_fields: usize = 100,
    }
    /// The largest bodies accepted.
    bodies: Bodies / GivenBodies {
        /// A JSON body where nothing else is said.
        json_bytes: u64 = MIB,
        /// A spec.
        spec_bytes: u64 = 64 * KIB,
        /// The body of a batch of runs.
        batch_bytes: u64 = 16 * MIB,
        /// The body of a prediction.
        predict_bytes: u64 = 8 * MIB,
        /// An uploaded file, streamed to disk.
        upload_bytes: u64 = 2 * GIB,
    }
    /// How often one token or address may ask.
    rates: Rates / GivenRates {
        /// Predictions per second and token.
        predict_per_s: u32 = 1_000,
        /// Other requests per second and token.
        other_per_s: u32 = 50,
        /// Failed sign-ins per minute and address.
        failed_sign_ins_per_min: u32 = 10,
        /// Open event streams per token.
        sse_per_token: usize = 20,
        /// Open event streams in all.
        sse_total: usize = 2_000,
    }
    /// The largest network accepted.
    specs: Specs / GivenSpecs {
        /// Layers of a network.
        max_layers: usize = 256,
        /// Units of one layer.
        max_units: usize = 65_536,
        /// What one run holds: weights, gradients, optimizer state, activations, buffers and data.
        run_memory_bytes: u64 = 2 * GIB,
        /// Floating-point operations of one landscape: places times samples times those of a prediction.
        landscape_flops: u64 = 50_000_000_000_000,
    }
    /// The strangest table accepted.
    data: Data / GivenData {
        /// Columns of a table.
        max_columns: usize = 10_000,
        /// One CSV field.
        max_field_bytes: usize = 64 << 10,
        /// Pixels of an image, read from its header before decoding.
        max_image_pixels: u64 = 16_000_000,
        /// Unpacked size over packed size of a compressed upload.
        max_unpack_ratio: u64 = 100,
    }
    /// How much one owner may hold.
    quota: Quota / GivenQuota {
        /// Bytes of all datasets of an owner.
        owner_bytes: u64 = 50 * GIB,
        /// Datasets of an owner.
        owner_datasets: u64 = 10_000,
        /// Queued runs of an owner; a batch adds up to 1,000 at once.
        owner_queued_runs: u64 = 5_000,
        /// Runs of an owner that may hold a worker at the same time.
        owner_running_runs: u64 = 64,
        /// Below this much free space on the disk of the data folder, writes that grow it are refused with 507.
        free_space_floor_bytes: u64 = GIB,
    }
    /// How the database is driven.
    store: Store / GivenStore {
        /// Writes that may wait for the writer before further ones are refused as overload.
        write_queue: usize = 4_096,
        /// Writes that share one commit at most.
        commit_batch: usize = 256,
        /// The database file grows no further than this; 0 means as far as the disk allows.
        max_database_bytes: u64 = 0,
        /// Connections that read.
        readers: u32 = 4,
        /// A write that finds no place in the queue within this time is refused with 503.
        write_wait_ms: u64 = 1_000,
        /// Answers to requests with an Idempotency-Key are kept this long.
        idempotency_keep_ms: u64 = 24 * 60 * 60 * 1_000,
    }
    /// How runs are worked off.
    worker: Worker / GivenWorker {
        /// Runs trained at the same time; 0 means one per core.
        slots: usize = 0,
        /// Niceness of training threads (0 to 19), so that probes and predictions go first.
        nice: i32 = 10,
        /// A worker silent for this long has lost its run.
        lease_ms: u64 = 30_000,
        /// A worker speaks at least this often.
        heartbeat_ms: u64 = 5_000,
        /// Metrics are written at least this often while a run trains.
        report_interval_ms: u64 = 200,
        /// Workers a run may lose in a row, without reaching a further checkpoint, before it fails as `poison`.
        poison_losses: u32 = 10,
        /// Decoded datasets kept for the next run.
        dataset_cache_bytes: u64 = 512 * MIB,
        /// Models kept warm for predictions.
        model_cache_bytes: u64 = 256 * MIB,
    }
}

impl Config {
    /// Merges flags, environment, file and defaults. `file` is the path given by `--config`; without one,
    /// `DESCENT_CONFIG` may name it.
    #[allow(clippy::disallowed_methods)] // the one place that reads the environment
    pub fn load(flags: Given, file: Option<&Path>) -> Result<Self, ConfigError> {
        Self::merge(flags, file, &|name| std::env::var(name).ok())
    }

    /// Like [`Config::load`] with the environment handed in.
    pub fn merge(
        flags: Given,
        file: Option<&Path>,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let named = environment("DESCENT_CONFIG").map(PathBuf::from);
        let from_file = match file.map(Path::to_owned).or(named) {
            None => Given::default(),
            Some(path) => {
                let text = std::fs::read_to_string(&path).map_err(|source| ConfigError::Read {
                    path: path.clone(),
                    source,
                })?;
                toml::from_str(&text).map_err(|error| ConfigError::File {
                    path,
                    message: error.to_string(),
                })?
            }
        };
        let config = flags
            .or(Given::from_environment(environment)?)
            .or(from_file)
            .into_config();
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let worker = &self.worker;
        if worker.heartbeat_ms.saturating_mul(2) > worker.lease_ms {
            return Err(ConfigError::Conflict(format!(
                "worker.heartbeat_ms = {} must be at most half of worker.lease_ms = {}: one lost heartbeat must not lose a run",
                worker.heartbeat_ms, worker.lease_ms
            )));
        }
        if !(0..=19).contains(&worker.nice) {
            return Err(ConfigError::Conflict(format!(
                "worker.nice = {} must be between 0 and 19",
                worker.nice
            )));
        }
        for (name, value) in [
            ("store.write_queue", self.store.write_queue),
            ("store.commit_batch", self.store.commit_batch),
            ("store.readers", self.store.readers as usize),
            (
                "connections.max_connections",
                self.connections.max_connections,
            ),
        ] {
            if value == 0 {
                return Err(ConfigError::Conflict(format!(
                    "{name} = 0 must be at least 1"
                )));
            }
        }
        if !self.server.listen.ip().is_loopback() && !self.server.insecure_public {
            return Err(ConfigError::Conflict(format!(
                "server.listen = {} can be reached from other machines and this server speaks no TLS: put a TLS proxy in front and say --insecure-public, or listen on 127.0.0.1",
                self.server.listen
            )));
        }
        Ok(())
    }

    /// Runs trained at the same time.
    pub fn slots(&self) -> usize {
        match self.worker.slots {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            given => given,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn flag_beats_variable_beats_file_beats_default() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("descent.toml");
        std::fs::write(&file, "[worker]\nslots = 3\nnice = 4\nlease_ms = 20000\n").unwrap();
        let environment = |name: &str| match name {
            "DESCENT_SLOTS" => Some("5".to_owned()),
            "DESCENT_NICE" => Some("6".to_owned()),
            _ => None,
        };
        let mut flags = Given::default();
        flags.worker.slots = Some(7);
        let config = Config::merge(flags, Some(&file), &environment).unwrap();
        assert_eq!(
            (
                config.worker.slots,
                config.worker.nice,
                config.worker.lease_ms
            ),
            (7, 6, 20_000)
        );
        assert_eq!(config.worker.report_interval_ms, 200);
    }

    #[test]
    fn an_unknown_key_and_a_wrong_variable_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("descent.toml");
        std::fs::write(&file, "[worker]\nslotz = 3\n").unwrap();
        let error = Config::merge(Given::default(), Some(&file), &nothing)
            .unwrap_err()
            .to_string();
        assert!(error.contains("slotz"), "{error}");
        let environment = |name: &str| (name == "DESCENT_SLOTS").then(|| "many".to_owned());
        let error = Config::merge(Given::default(), None, &environment)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("DESCENT_SLOTS") && error.contains("many"),
            "{error}"
        );
    }

    #[test]
    fn a_public_bind_wants_a_word() {
        let mut flags = Given::default();
        flags.server.listen = Some(SocketAddr::from(([0, 0, 0, 0], 80)));
        assert!(
            Config::merge(flags.clone(), None, &nothing)
                .unwrap_err()
                .to_string()
                .contains("--insecure-public")
        );
        flags.server.insecure_public = Some(true);
        assert!(Config::merge(flags, None, &nothing).is_ok());
    }

    #[test]
    fn every_setting_is_listed_once() {
        let mut names: Vec<_> = Config::settings().iter().map(|s| s.name).collect();
        let n_settings = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(
            names.len(),
            n_settings,
            "flags and variables share one name space"
        );
    }
}
