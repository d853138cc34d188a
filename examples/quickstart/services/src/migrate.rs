//! A one-shot job: fill the store with its first contents, and end.

use crate::Outcome;
use crate::client::Client;

const ITEMS: [(&str, &str); 3] = [
    ("anchor", "holds a ship"),
    ("crane", "lifts a container"),
    ("tower", "holds a rocket"),
];

/// Bring the store to version 1. Running it again changes nothing.
pub(crate) fn run() -> Outcome {
    let mut store = Client::connect()?;
    let version = store.ask("GET schema-version")?;
    if version == "1" {
        println!("the store is at version 1 already");
        return Ok(());
    }
    for (name, text) in ITEMS {
        store.ask(&format!("SET item/{name} {text}"))?;
        println!("added {name}");
    }
    store.ask("SET schema-version 1")?;
    println!("the store is at version 1");
    Ok(())
}
