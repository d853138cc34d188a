//! The files a user writes: readers, layers, references, spans, schema.
//!
//! The lower half knows no services: files become one spanned tree of nodes, layers merge as nodes, `${}` is
//! put in, and every complaint has its place. The upper half knows what may stand there: one
//! description per element, by which nodes are decoded into the typed [`model`].

pub mod model;
pub mod modes;
pub mod template;
