//! The HTTP API, asked in process through the real router and edge. File names mirror `src/api`.

mod app;
mod families;
mod limits;
mod metrics_page;
mod models;
mod predict;
mod probes;
mod queue;
mod tokens;
mod usage;
