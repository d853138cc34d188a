//! Wire types, the event stream, and the client of a supervisor.
