//! The command line. Reads what is wanted and hands over at once.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use descent::backup::BackupError;
use descent::clock::{Clock, Entropy};
use descent::config::{Config, Given};
use descent::store::{DATABASE, Page, Store};
use descent::tokens::{self, ADMIN, Fault, NewToken, Scopes};
use descent::{backup, demo, serve};

/// Predictions and streams allocate from many threads at once; this allocator serves them without a shared lock.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Training as a service: upload a dataset over HTTP, train a neural network, serve its predictions.
#[derive(Parser)]
#[command(name = "descent", version, about)]
struct Cli {
    /// Settings file (TOML). Also DESCENT_CONFIG; every setting is also DESCENT_<NAME>.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server until SIGTERM or Ctrl-C.
    Serve(Box<Given>),
    /// Run the server and show the whole way on real data: upload, train, predict.
    Demo(Box<Given>),
    /// Make, list or revoke access tokens; also while the server runs.
    Token(TokenArgs),
    /// Copy a data folder while its server works on it.
    Backup {
        /// The new folder for the copy.
        target: PathBuf,
        #[command(flatten)]
        given: Box<Given>,
    },
    /// Check a data folder or a backup against every rule of the record.
    Verify {
        /// The folder; default: the data folder.
        folder: Option<PathBuf>,
        #[command(flatten)]
        given: Box<Given>,
    },
    /// Ask a server on this machine whether it is alive: exit 0 or 1.
    Health(Box<Given>),
}

#[derive(Args)]
struct TokenArgs {
    #[command(subcommand)]
    verb: TokenVerb,
}

#[derive(Subcommand)]
enum TokenVerb {
    /// Make a token and print it once.
    Create {
        /// Whose data the bearer sees.
        #[arg(long, default_value = ADMIN)]
        owner: String,
        /// What it is for.
        #[arg(long, default_value = "command line")]
        name: String,
        /// Rooms and rights: datasets, runs, models, predict, admin, each with :read or :write.
        #[arg(
            long,
            default_value = "datasets:write runs:write models:write predict:write"
        )]
        scopes: Scopes,
        /// Days until it ends by itself; never, when absent.
        #[arg(long)]
        expires_days: Option<u32>,
        #[command(flatten)]
        given: Box<Given>,
    },
    /// Show all tokens, without their secrets.
    List(Box<Given>),
    /// End a token at once.
    Revoke {
        /// Its key id: the part between the first two underscores.
        id: String,
        #[command(flatten)]
        given: Box<Given>,
    },
}

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("descent: no threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(run(Cli::parse())).unwrap_or_else(|error| {
        eprintln!("descent: {error:#}");
        ExitCode::FAILURE
    });
    // Whatever is still at work had its time (`drain_ms`); a disk that hangs must not keep the process alive.
    runtime.shutdown_background();
    code
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let load = |given: Box<Given>| Config::load(*given, cli.config.as_deref());
    match cli.command {
        Command::Serve(given) => {
            let config = load(given)?;
            log(&config)?;
            let running = serve::start(config).await?;
            // Tests and scripts wait for the first line, and may close their end after it: both lines are one write.
            let mut said = format!("listening on http://{}\n", running.address);
            if let Some(link) = running
                .sign_in_link
                .as_ref()
                .filter(|_| !running.is_signed_in)
            {
                said += &format!("to sign a browser in, once and within an hour: {link}\n");
            }
            print!("{said}");
            running.wait().await?;
        }
        Command::Demo(given) => {
            let config = load(given)?;
            log(&config)?;
            demo::demo(config).await?;
        }
        Command::Token(args) => return token(args.verb, load).await,
        Command::Backup { target, given } => {
            let config = load(given)?;
            backup::backup(&config.server.data_dir, &target, &Clock::system()).await?;
            say(format_args!("backup finished in {}", target.display()))?;
        }
        Command::Verify { folder, given } => {
            let folder = folder.unwrap_or(load(given)?.server.data_dir);
            let verified = backup::verify(&folder).await?;
            say(&verified)?;
            return Ok(if verified.is_sound() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            });
        }
        Command::Health(given) => {
            // A server that listens on every address is asked on this machine's own.
            let mut address = load(given)?.server.listen;
            if address.ip().is_unspecified() {
                address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
            }
            let url = format!("http://{address}/healthz");
            let answer = reqwest::get(&url)
                .await
                .with_context(|| format!("no answer from {url}"))?;
            say(format_args!("{} {url}", answer.status()))?;
            return Ok(if answer.status().is_success() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            });
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Tokens are made in the record itself, beside a server or without one; a server takes them over within a second.
async fn token(
    verb: TokenVerb,
    load: impl Fn(Box<Given>) -> Result<Config, descent::config::ConfigError>,
) -> anyhow::Result<ExitCode> {
    let clock = Clock::system();
    match verb {
        TokenVerb::Create {
            owner,
            name,
            scopes,
            expires_days,
            given,
        } => {
            let now_ms = clock.now_ms();
            let wanted = NewToken {
                owner,
                name,
                scopes,
                expires_at_ms: expires_days.map(|days| now_ms + i64::from(days) * 86_400_000),
            };
            create_token(&load(given)?, wanted, now_ms).await?;
        }
        TokenVerb::List(given) => {
            let store = open_existing(&load(given)?).await?;
            list_tokens(&store, clock.now_ms()).await?;
            store.close().await;
        }
        TokenVerb::Revoke { id, given } => {
            let store = open_existing(&load(given)?).await?;
            let revoked = tokens::revoke(&store, &id, clock.now_ms(), "command line").await?;
            store.close().await;
            anyhow::ensure!(revoked, "there is no token {id} in force");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The record, which is made where there is none: a token may be made before the first start.
async fn open(config: &Config) -> anyhow::Result<Store> {
    std::fs::create_dir_all(&config.server.data_dir)?;
    Ok(Store::open(&config.server.data_dir, &config.store).await?)
}

/// A list or a revocation on a mistyped folder must not make one and find nothing in it.
async fn open_existing(config: &Config) -> anyhow::Result<Store> {
    let folder = &config.server.data_dir;
    if !folder.join(DATABASE).is_file() {
        return Err(BackupError::NoDatabase(folder.clone()).into());
    }
    open(config).await
}

/// Makes a token unless something is wrong with it, which is looked at before anything is made.
async fn create_token(config: &Config, wanted: NewToken, now_ms: i64) -> anyhow::Result<()> {
    let faults = wanted.faults(now_ms);
    let said: Vec<String> = faults
        .into_iter()
        .map(|fault| format!("{}: {fault}", flag(fault)))
        .collect();
    anyhow::ensure!(said.is_empty(), "no token was made: {}", said.join("; "));
    let store = open(config).await?;
    let entropy = Entropy::system();
    let (made, text) = tokens::create(&store, &entropy, now_ms, wanted, "command line").await?;
    store.close().await;
    // Nobody will ever see this text again, so unlike other lines it must have a reader.
    writeln!(std::io::stdout(), "{text}").with_context(|| {
        let (id, folder) = (made.id, config.server.data_dir.display());
        format!("the token {id} was made and not read by anybody; end it with `descent token revoke {id} --data-dir {folder}`")
    })
}

/// What to change on the command line.
fn flag(fault: Fault) -> &'static str {
    match fault {
        Fault::NameLength | Fault::NameControl => "--name",
        Fault::Owner => "--owner",
        Fault::NoScopes => "--scopes",
        Fault::Over => "--expires-days",
    }
}

async fn list_tokens(store: &Store, now_ms: i64) -> anyhow::Result<()> {
    let mut page = Page {
        limit: 100,
        ..Page::default()
    };
    loop {
        let part = descent::store::tokens::list(store, None, true, &page).await?;
        for row in &part.rows {
            let state = if row.revoked_at_ms.is_some() {
                "revoked"
            } else if row.expires_at_ms.is_some_and(|at_ms| at_ms <= now_ms) {
                "expired"
            } else {
                "in force"
            };
            say(format_args!(
                "{}\t{}\t{}\t{}\t{state}",
                row.id,
                one_line(&row.owner),
                row.scopes,
                one_line(&row.name)
            ))?;
        }
        page.after = part.rows.last().map(|row| row.id.clone());
        if !part.has_more {
            return Ok(());
        }
    }
}

/// A text with its control characters written out: names on record from before they were refused must not look like lines of the
/// list, or be orders to a terminal.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() {
            line.extend(letter.escape_default());
        } else {
            line.push(letter);
        }
    }
    line
}

/// Prints a line of a result. Whoever read the first lines may have seen enough and be gone, which is no fault.
fn say(line: impl std::fmt::Display) -> std::io::Result<()> {
    match writeln!(std::io::stdout(), "{line}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

fn log(config: &Config) -> anyhow::Result<()> {
    use tracing_subscriber::{EnvFilter, fmt};
    let filter = EnvFilter::try_new(&config.server.log_filter).with_context(|| {
        format!(
            "log_filter = {:?} is not a filter",
            config.server.log_filter
        )
    })?;
    // Standard output is for results; the log goes to standard error.
    let builder = fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_writer(std::io::stderr);
    let set = if config.server.log_json {
        builder.json().try_init()
    } else {
        builder.try_init()
    };
    set.map_err(|error| anyhow::anyhow!("cannot log: {error}"))
}
