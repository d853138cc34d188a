//! Probes: http, tcp, command and file.
