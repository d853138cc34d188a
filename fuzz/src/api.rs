//! What clients and supervisors send each other.

use gantry_api::{ErrorBody, Event, OperationRequest, Plan, PlanRequest, Progress, Status};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Whatever is understood is written, and understood again as the same.
pub fn run(bytes: &[u8]) {
    again::<OperationRequest>(bytes);
    again::<PlanRequest>(bytes);
    again::<Plan>(bytes);
    again::<Progress>(bytes);
    again::<Event>(bytes);
    again::<Status>(bytes);
    again::<ErrorBody>(bytes);
}

fn again<T: DeserializeOwned + Serialize>(bytes: &[u8]) {
    let Ok(value) = serde_json::from_slice::<T>(bytes) else {
        return;
    };
    let once = serde_json::to_string(&value).expect("what was read can be written");
    let value: T = serde_json::from_str(&once).expect("what was written can be read");
    let twice = serde_json::to_string(&value).expect("what was read can be written");
    assert_eq!(once, twice);
}
