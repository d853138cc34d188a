//! The files a user writes: readers, layers, references, spans, schema.
//!
//! The lower half knows no services: files become one spanned tree of [`node::Node`]s
//! ([`mod@read`]), layers merge as nodes ([`layer`]), `${}` is put in ([`interpolate`]), and
//! every complaint is a [`diagnostic::Diagnostic`] with its place. The upper half knows what
//! may stand there: one description per element, by which nodes are decoded into the typed [`model`].

pub mod configuration;
pub mod convert;
pub mod decode;
pub mod diagnostic;
pub mod dialect;
pub mod element;
pub mod env_file;
pub mod import;
pub mod interpolate;
pub mod layer;
pub mod load;
pub mod model;
pub mod modes;
pub mod nearest;
pub mod node;
pub mod read;
pub mod reference_page;
pub mod schema;
pub mod short_name;
pub mod source;
pub mod span;
pub mod template;
pub mod write;

pub use load::{LoadOptions, Loaded, load};
