//! The shipped controls, frameworks and sources are compiled in: a file added to their folders must be noticed.
fn main() {
    for folder in ["controls", "frameworks", "sources", "templates"] {
        println!("cargo:rerun-if-changed={folder}");
    }
}
