use super::*;

#[test]
fn versions_are_read_as_they_are_told() {
    assert_eq!(number("v3.22.0+g1234567"), Some((3, 22)));
    assert_eq!(number("v4.3.1"), Some((4, 3)));
    assert_eq!(number("v3.14"), Some((3, 14)));
    assert_eq!(number("nothing"), None);
}

#[test]
fn what_it_says_is_taken_out_of_its_frame() {
    let cases = [
        (
            "level=WARN msg=x\nError: INSTALLATION FAILED: failed pre-install: 1 error occurred:\n\t* job failed: BackoffLimitExceeded\n\n",
            "failed pre-install: job failed: BackoffLimitExceeded",
        ),
        (
            "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress",
            "another operation (install/upgrade/rollback) is in progress",
        ),
        (
            "Error: UPGRADE FAILED: Secret \"a\" cannot be imported into the current release: invalid ownership metadata",
            "Secret \"a\" cannot be imported into the current release: invalid ownership metadata",
        ),
        (
            "Error: uninstall: Release not loaded: x: release: not found",
            "uninstall: Release not loaded: x: not found",
        ),
    ];
    for (stderr, reason) in cases {
        assert_eq!(said(stderr).as_deref(), Some(reason));
    }
    assert_eq!(said("nothing of the kind"), None);
}

#[test]
fn a_list_that_cannot_be_had_is_an_error_whatever_helm_calls_it() {
    let mut outcome = JobOutcome {
        exit: gantry_core::ExitStatus::Code(0),
        timed_out: false,
        duration: Duration::ZERO,
        stdout: "Hang tight while we grab the latest\n...Unable to get an update from the \"own\" chart repository (http://a):\n\tfailed to fetch http://a/index.yaml : 401 Unauthorized\nUpdate Complete.\n".into(),
        stderr: String::new(),
        incomplete: false,
    };
    let error = not_updated(&outcome).unwrap();
    assert_eq!(
        error.reason,
        "the list of the \"own\" repository cannot be had (http://a) failed to fetch http://a/index.yaml : 401 Unauthorized"
    );
    assert_eq!(error.kind, FailureKind::Permanent);
    outcome.stdout = "Update Complete.".into();
    assert!(not_updated(&outcome).is_none());
}

#[test]
fn only_what_passes_is_tried_again() {
    let refused = "Kubernetes cluster unreachable: Get \"https://1.2.3.4\": dial tcp 1.2.3.4:443: connect: connection refused";
    assert_eq!(kind(refused), FailureKind::Transient);
    assert_eq!(
        kind("chart \"x\" matching 1.0 not found in y index"),
        FailureKind::Permanent
    );
}
