//! The driver traits, capabilities and handles, a mock driver and the conformance suite.
