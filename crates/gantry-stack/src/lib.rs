//! The files a user writes: readers, layers, references, spans, schema.
