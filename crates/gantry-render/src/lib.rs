//! Templates and build folders.
//!
//! [`jinja`] makes of a template what Jinja2 makes of it, to the byte, or an error. [`prepare`] renders the
//! templates of a stack's services into its build folder, and gives the stack back with files in the templates' place.

mod compose;
mod context;
mod copy;
mod emit;
mod folder;
pub mod jinja;
mod project;
mod rewrite;

pub use folder::{Change, Changed};
pub use project::{Manifest, Options, Prepared, clean, has_templates, prepare};
