//! What the tests of this driver share.

pub(crate) mod fake_keeper;
