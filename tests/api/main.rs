//! The HTTP API, asked in process through the real router and edge. File names mirror `src/api`.

mod access;
mod app;
mod arrays;
mod batch;
mod datasets;
mod edge;
mod events;
mod families;
mod inference;
mod landscapes;
mod limits;
mod metrics;
mod metrics_page;
mod models;
mod openapi;
mod predict;
mod probes;
mod queue;
mod results;
mod runs;
mod session;
mod sweeps;
mod tokens;
mod trajectory;
mod usage;
