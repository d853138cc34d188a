//! The log store on disk: records, rotation, reading and merging.
