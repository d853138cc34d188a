//! One suite that every driver runs.
