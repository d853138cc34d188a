use super::*;

#[test]
fn all_spellings_of_a_signal_are_known() {
    for text in ["TERM", "SIGTERM", "term", "sigterm", "15"] {
        assert_eq!(number(text), Some(15), "{text}");
    }
    assert_eq!(number("RTMIN+3"), Some(37));
    assert_eq!(number("SIGRTMIN"), Some(34));
    for text in ["", "SIG", "0", "-1", "65", "TERMS", "RTMIN3", "RTMIN+31"] {
        assert_eq!(number(text), None, "{text}");
    }
}

#[test]
fn every_name_leads_back_to_its_number() {
    for signal in (1..=31).chain(34..=64) {
        assert_eq!(number(&name(signal)), Some(signal));
    }
}

#[test]
fn an_end_by_a_signal_is_told_by_its_name() {
    use crate::failure::ExitStatus;

    assert_eq!(ExitStatus::Signal(11).sentence(), "killed by SIGSEGV");
    assert_eq!(ExitStatus::Code(3).sentence(), "ended with exit code 3");
}
