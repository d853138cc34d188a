//! The dispatcher, its executors, pre-flight and the supervisor's socket.
