//! The HTTP API: one file per resource with its wire types, handlers and OpenAPI text; beside them what all of them share.

pub mod error;
pub mod etag;
pub mod input;
pub mod page;
pub mod rate;
