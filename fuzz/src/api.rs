//! What clients and supervisors send each other.

use gantry_api::{
    AttachFrame, AttachFrames, AttachOrder, Attached, ErrorBody, Event, OperationRequest, Plan,
    PlanRequest, Progress, Status,
};
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
    frames::<Attached>(bytes);
    frames::<AttachOrder>(bytes);
}

/// What is cut into frames and put together again is cut in the same way.
fn frames<R: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    let mut whole = AttachFrames::default();
    whole.buffer.extend_from_slice(bytes);
    let mut again = AttachFrames::default();
    while let Ok(Some(frame)) = whole.cut::<R>() {
        // Nothing at all is not sent.
        if let AttachFrame::Bytes(bytes) | AttachFrame::Errors(bytes) = &frame
            && bytes.is_empty()
        {
            continue;
        }
        let mut sent = Vec::new();
        frame.encode(&mut sent);
        again.buffer.extend_from_slice(&sent);
        let second = again.cut::<R>().expect("what was sent can be cut");
        assert_eq!(second, Some(frame));
    }
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
