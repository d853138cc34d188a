use super::*;

#[test]
fn a_name_is_checked() {
    assert!(ServiceName::new("api-2_b.c").is_ok());
    assert_eq!(ServiceName::new(""), Err(NameError::Empty));
    assert_eq!(ServiceName::new("-a"), Err(NameError::Start('-')));
    assert_eq!(ServiceName::new("a/b"), Err(NameError::Character('/')));
    assert_eq!(
        ServiceName::new("a".repeat(129)),
        Err(NameError::TooLong(129))
    );
}

#[test]
fn an_instance_is_written_with_a_number_from_one() {
    let id: InstanceId = "api.v1.2".parse().expect("an instance id");
    assert_eq!((id.service.as_str(), id.slot), ("api.v1", 1));
    assert_eq!(id.to_string(), "api.v1.2");
    assert_eq!("api.0".parse::<InstanceId>(), Err(InstanceIdError::Number));
    assert_eq!("api".parse::<InstanceId>(), Err(InstanceIdError::Number));
    assert_eq!(
        "api.65537".parse::<InstanceId>(),
        Err(InstanceIdError::Number)
    );
}

#[test]
fn lengths_are_said_in_the_units_of_the_stack_file() {
    for (length, words) in [
        (0, "0s"),
        (250, "250ms"),
        (1_500, "1s 500ms"),
        (60_000, "1m"),
        (5_400_000, "1h 30m"),
        (90_000_000, "25h"),
    ] {
        assert_eq!(Millis(length).in_words(), words);
    }
}
