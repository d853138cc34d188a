//! The client of a supervisor: HTTP over its Unix socket, one connection a request.
