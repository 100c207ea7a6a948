//! Migrations are embedded in the binary, so a new file must cause a rebuild.
fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
