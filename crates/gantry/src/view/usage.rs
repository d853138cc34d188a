//! What services use, in few letters.

use gantry_api::Usage;

/// Processors: `3%`, `150%`.
pub(crate) fn cpu(usage: &Usage) -> Option<String> {
    usage.cpus.map(|cpus| format!("{:.0}%", cpus * 100.0))
}

/// Memory: `64M`.
pub(crate) fn memory(usage: &Usage) -> Option<String> {
    usage.memory.map(size)
}

/// Read and written: `12M/3K`.
pub(crate) fn disk(usage: &Usage) -> Option<String> {
    Some(format!("{}/{}", size(usage.read?), size(usage.written?)))
}

/// Processes and threads.
pub(crate) fn pids(usage: &Usage) -> Option<String> {
    usage.pids.map(|pids| pids.to_string())
}

/// A size in its greatest unit of 1,024: with a tenth below ten.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "K", "M", "G", "T", "P"];
    let mut unit = 0;
    let mut tenths = bytes.saturating_mul(10);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    let name = UNITS[unit];
    if unit > 0 && tenths < 100 {
        format!("{}.{}{name}", tenths / 10, tenths % 10)
    } else {
        format!("{}{name}", tenths / 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        let sizes = [0, 1023, 1024, 1536, 10 << 10, 64 << 20, 3 << 40];
        let words = sizes.map(size);
        assert_eq!(words, ["0B", "1023B", "1.0K", "1.5K", "10K", "64M", "3.0T"]);
    }
}
