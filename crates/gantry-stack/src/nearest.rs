//! The nearest known name, for "did you mean".

#[cfg(test)]
mod tests;

/// The candidate that `name` was most likely meant to be, if any is near enough.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = fold(name);
    // One slip in a short name, a third of a longer one. Another letter alone is another name.
    let length = wanted.chars().count();
    let limit = (length / 3).max(usize::from(length > 1));
    candidates
        .into_iter()
        .map(|candidate| {
            let folded = fold(candidate);
            let mut distance = strsim::damerau_levenshtein(&wanted, &folded);
            // A name that was cut short (`depends` for `depends-on`) or has another ending (`ready` for
            // `readiness`) is near, if what they have in common is not too short to say.
            let common = wanted.chars().zip(folded.chars());
            let common = common.take_while(|(one, other)| one == other).count();
            let whole = folded.chars().count();
            // A known name may also have been written out: `environment` for `env`.
            if common >= 4 && common * 4 >= length.min(whole) * 3 || common >= 3 && common == whole
            {
                distance = distance.min(limit);
            }
            (distance, candidate)
        })
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `did you mean "x"?`, if a candidate is near.
pub fn did_you_mean<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(name, candidates).map(|nearest| format!("did you mean `{nearest}`?"))
}

/// Case and the choice of `_` or `-` are the commonest slips; they count nothing.
fn fold(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '-' | '_'))
        .flat_map(char::to_lowercase)
        .collect()
}
