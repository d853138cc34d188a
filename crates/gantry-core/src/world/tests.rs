//! One test a rule. The harness answers nothing by itself: every test says what happens.

mod adoption;
mod conditions;
mod failures;
mod harness;
mod hooks;
mod models;
mod operations;
mod parts;
mod stops;
mod total;
