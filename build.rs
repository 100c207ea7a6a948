//! Migrations and the dashboard are embedded in the binary, so a new file of either must cause a rebuild. Nothing is built here:
//! the dashboard comes from `make dashboard`, and without it the server has a page that says so.
use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=migrations");
    // A path that does not exist would count as changed at every build; `web` changes when `web/dist` comes to be.
    let dashboard = ["web/dist", "web"]
        .into_iter()
        .find(|path| Path::new(path).exists());
    if let Some(path) = dashboard {
        println!("cargo:rerun-if-changed={path}");
    }
}
