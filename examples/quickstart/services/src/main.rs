//! The small programs that the quickstart stack runs.

fn main() {}
