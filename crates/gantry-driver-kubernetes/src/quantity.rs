//! Amounts of processors, memory and the like, as clusters write them.

/// The suffixes of quantities, the greatest first, and what they stand for.
const SUFFIXES: [(&str, u128); 12] = [
    ("Ei", 1 << 60),
    ("Pi", 1 << 50),
    ("Ti", 1 << 40),
    ("Gi", 1 << 30),
    ("Mi", 1 << 20),
    ("Ki", 1 << 10),
    ("E", 1_000_000_000_000_000_000),
    ("P", 1_000_000_000_000_000),
    ("T", 1_000_000_000_000),
    ("G", 1_000_000_000),
    ("M", 1_000_000),
    ("k", 1_000),
];

/// A quantity in thousandths of its unit.
pub(crate) fn thousandths(quantity: &str) -> Option<u128> {
    if let Some(count) = quantity.strip_suffix('m') {
        return count.parse().ok();
    }
    let (count, unit) = SUFFIXES
        .iter()
        .find_map(|(suffix, unit)| Some((quantity.strip_suffix(suffix)?, *unit)))
        .unwrap_or((quantity, 1));
    let (whole, part) = count.split_once('.').unwrap_or((count, ""));
    let part: String = part.chars().chain("000".chars()).take(3).collect();
    let count = whole
        .parse::<u128>()
        .ok()?
        .checked_mul(1_000)?
        .checked_add(part.parse().ok()?)?;
    count.checked_mul(unit)
}

/// A quantity as one writes it, from its thousandths.
pub(crate) fn written(thousandths: u128) -> String {
    if !thousandths.is_multiple_of(1_000) {
        return format!("{thousandths}m");
    }
    let count = thousandths / 1_000;
    SUFFIXES
        .iter()
        .find(|(_, unit)| count > 0 && count.is_multiple_of(*unit))
        .map_or_else(
            || count.to_string(),
            |(suffix, unit)| format!("{}{suffix}", count / unit),
        )
}
